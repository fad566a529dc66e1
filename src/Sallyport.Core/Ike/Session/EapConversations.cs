using Sallyport.Core.Ike.Wire;

namespace Sallyport.Core.Ike.Session;

/// <summary>Which EAP a session speaks.</summary>
internal static class EapConversations
{
    /// <summary>Null where none is offered.</summary>
    public static EapConversation? ForServer(IkeSession session, IkeIdentity peer)
    {
        _ = (session, peer);
        return null;
    }

    public static EapConversation? ForClient(IkeSession session, IkeTarget target)
    {
        _ = (session, target);
        return null;
    }
}
