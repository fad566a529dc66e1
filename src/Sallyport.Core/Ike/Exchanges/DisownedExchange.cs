using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Exchanges;

/// <summary>A request of ours of whose answer nothing is wanted but that it comes.</summary>
internal sealed class DisownedExchange(ExchangeType type) : Exchange
{
    public override ExchangeType Type => type;

    public override bool Write(IkeSession session, IkeSa sa, ref PayloadWriter to, Instant now) => false;

    public override void HandleResponse(IkeSession session, IkeSa sa, IkePayloads response, Instant now)
    {
    }
}
