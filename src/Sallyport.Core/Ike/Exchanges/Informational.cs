using System.Collections.Immutable;
using System.Security.Cryptography;
using Sallyport.Core.Ike.Door;
using Sallyport.Core.Ike.Proposals;
using Sallyport.Core.Ike.Session;
using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Ike.Exchanges;

internal enum InformationalKind : byte
{
    /// <summary>Does the peer live?</summary>
    Probe,
    DeleteChild,
    DeleteIke,

    /// <summary>A pair of SPIs that another has taken the place of.</summary>
    DeleteOldIke,

    /// <summary>The peer did not prove who it is; it believes that we are up.</summary>
    AuthenticationFailed,
    UpdateAddresses,

    /// <summary>Whether who says that it moved receives there (RFC 4555 section 3.7).</summary>
    ReturnRoutability,
    Redirect,
}

/// <summary>INFORMATIONAL (RFC 7296 section 1.4): ends of SAs, signs of life, moves.</summary>
internal sealed class Informational(InformationalKind kind) : Exchange
{
    private const int CookieLength = 16;

    private ChildSa? _child;
    private uint _spi;
    private readonly bool _isAgain;
    private bool _isSent;
    private byte[] _cookie = [];
    private string _gateway = "";
    private int _move;

    private Informational(Informational before)
        : this(before.Kind) => (_child, _spi, _gateway, _isAgain) = (before._child, before._spi, before._gateway, true);

    private InformationalKind Kind => kind;

    public override ExchangeType Type => ExchangeType.Informational;

    public static Informational Delete(ChildSa child) => new(InformationalKind.DeleteChild) { _child = child };

    /// <summary>Of a pair that only the peer believes in.</summary>
    /// <param name="spi">Ours.</param>
    public static Informational Delete(uint spi) => new(InformationalKind.DeleteChild) { _spi = spi };

    public static Informational Redirect(string gateway) => new(InformationalKind.Redirect) { _gateway = gateway };

    public override bool Write(IkeSession session, IkeSa sa, ref PayloadWriter to, Instant now)
    {
        switch (kind)
        {
            case InformationalKind.Probe:
                if (WatchesNat(session))
                {
                    IkeSaInit.WriteNat(session, sa, session.Path, ref to);
                }

                return true;
            case InformationalKind.DeleteChild when _spi != 0:
                to.DeleteEsp([_spi]);
                return true;
            case InformationalKind.DeleteChild:
                if (session.Children.Find(_child!.InboundSpi) is null || (_child.State == ChildState.Deleting && !_isAgain))
                {
                    return false;
                }

                _child.State = ChildState.Deleting;
                _isSent = true;
                to.DeleteEsp([_child.InboundSpi]);
                return true;
            case InformationalKind.DeleteIke:
            case InformationalKind.DeleteOldIke:
                to.DeleteIke();
                return true;
            case InformationalKind.AuthenticationFailed:
                to.Notify(NotifyType.AuthenticationFailed);
                return true;
            case InformationalKind.UpdateAddresses:
                _move = session.Moves;
                to.Notify(NotifyType.UpdateSaAddresses);
                IkeSaInit.WriteNat(session, sa, session.Path, ref to);
                return true;
            case InformationalKind.ReturnRoutability when !session.HasToShow:
                return false;
            case InformationalKind.ReturnRoutability:
                _move = session.Moves;
                _cookie = new byte[CookieLength];
                session.Entropy.Fill(_cookie);
                to.Notify(NotifyType.Cookie2, _cookie);
                return true;
            case InformationalKind.Redirect:
                to.Notify(NotifyType.Redirect, IkeDoor.RedirectData(_gateway, default));
                return true;
            default:
                return false;
        }
    }

    public override void HandleResponse(IkeSession session, IkeSa sa, IkePayloads response, Instant now)
    {
        switch (kind)
        {
            case InformationalKind.DeleteChild when _child is not null:
                session.Children.Remove(_child);
                break;
            case InformationalKind.DeleteOldIke:
                session.Forget(sa);
                break;
            case InformationalKind.DeleteIke:
            case InformationalKind.AuthenticationFailed:
                session.Finish();
                break;
            case InformationalKind.UpdateAddresses:
                HandleMoved(session, sa, response, now);
                break;
            case InformationalKind.ReturnRoutability:
                HandleShown(session, response, now);
                break;
            case InformationalKind.Probe when WatchesNat(session):
                LookAtNat(session, sa, response);
                break;
            case InformationalKind.DeleteChild:
            case InformationalKind.Redirect:
            case InformationalKind.Probe:
                break;
        }
    }

    public override Exchange? Again() =>
        kind is InformationalKind.DeleteChild or InformationalKind.UpdateAddresses or InformationalKind.ReturnRoutability or InformationalKind.Redirect
            ? new Informational(this)
            : null;

    public override void Abandon(IkeSession session)
    {
        if (_isSent && _child is { State: ChildState.Deleting } && session.IsUp)
        {
            session.Children.Remove(_child);
        }
    }

    /// <summary>The responder's side: all that may be in one request.</summary>
    public static void Answer(IkeSession session, IkeSa sa, in IkeHeader header, IkePayloads request, in IkePath from, Instant now)
    {
        var writer = new PayloadWriter(new byte[IkeLimits.DatagramMax]);
        if (request.Deletions.Any(deletion => deletion.Protocol == IpsecProtocol.Ike))
        {
            session.Answer(sa, header, ref writer, now);
            if (sa != session.Current || session.Rekeying?.Yield(session, sa, now) == true)
            {
                session.ForgetSoon(sa, now);
            }
            else
            {
                session.End(IkeEnd.Deleted, "the peer deleted it", now);
            }

            return;
        }

        if (request.Has(NotifyType.AuthenticationFailed))
        {
            session.Answer(sa, header, ref writer, now);
            session.End(IkeEnd.AuthenticationFailed, $"the peer does not accept our proof: it expects another id than {session.Options.Identity}, does not trust our authority, or its clock and ours differ", now);
            return;
        }

        if (request.Has(NotifyType.UpdateSaAddresses) && session is { HasMobike: true, Target: null }
            && IsNewest(session, sa, header.MessageId) && !TryMove(session, sa, request, from, now))
        {
            writer.Notify(NotifyType.UnexpectedNatDetected);
            session.Answer(sa, header, ref writer, now);
            return;
        }

        if (session.HasMobike && request.Has(NotifyType.NatDetectionSourceIp))
        {
            // Whoever asks what we see of it is told, moved or not (RFC 4555 section 3.8).
            IkeSaInit.WriteNat(session, sa, from, ref writer);
        }

        IkeAuth.ReadWindow(sa, request);
        DeleteChildren(session, request, ref writer);
        if (request.Find(NotifyType.Cookie2) is { Data: { Length: <= IkeLimits.CookieMax } cookie })
        {
            writer.Notify(NotifyType.Cookie2, cookie.AsSpan());
        }

        session.Answer(sa, header, ref writer, now);
        if (request.Find(NotifyType.Redirect) is { } redirect && session.Target is not null && IkeSaInit.TryReadRedirect(redirect.Data.AsSpan(), default, out var gateway))
        {
            session.Raise(new IkeRedirected(gateway));
            session.Close($"the peer sends us to {gateway}", now);
        }
    }

    /// <summary>Each pair goes whole: the answer names our halves of those that the peer names its own of (RFC 7296 section 1.4.1).</summary>
    private static void DeleteChildren(IkeSession session, IkePayloads request, ref PayloadWriter writer)
    {
        var ours = new List<uint>();
        foreach (var deletion in request.Deletions)
        {
            foreach (var spi in deletion.Protocol == IpsecProtocol.Esp ? deletion.Spis : ImmutableArray<uint>.Empty)
            {
                if (session.Children.FindOutbound(spi) is not { } child)
                {
                    continue;
                }

                if (child.State != ChildState.Deleting)
                {
                    ours.Add(child.InboundSpi);
                }

                session.Children.Remove(child);
            }
        }

        if (ours.Count > 0)
        {
            writer.DeleteEsp([.. ours]);
        }
    }

    /// <summary>Requests may overtake each other, and an old pair of SPIs is older than the one in use.</summary>
    private static bool IsNewest(IkeSession session, IkeSa sa, uint messageId)
    {
        var isNewest = sa.LastMove is not { } last || messageId > last;
        isNewest &= sa == session.Current || session.Current.LastMove is null;
        sa.LastMove = isNewest ? messageId : sa.LastMove;
        return isNewest;
    }

    /// <summary>The peer speaks from elsewhere (RFC 4555 section 3.5). False where it must not be followed.</summary>
    private static bool TryMove(IkeSession session, IkeSa sa, IkePayloads request, in IkePath from, Instant now)
    {
        if (request.Find(NotifyType.NoNatsAllowed) is { } strict && !IsPlain(strict.Data.AsSpan(), from))
        {
            return false;
        }

        session.GoTo(from);
        IkeSaInit.DetectNat(session, sa, request, sa.ResponderSpi);
        session.Raise(new IkeMoved(session.Path, session.IsEncapsulated));
        session.AskToShow(now);
        return true;
    }

    /// <summary>NO_NATS_ALLOWED has the addresses and ports that its sender used (RFC 4555 section 4.2.6).</summary>
    private static bool IsPlain(ReadOnlySpan<byte> data, in IkePath from)
    {
        var each = from.Peer.Ip.IsV4 ? 4 : 16;
        if (data.Length != (2 * each) + 4)
        {
            return false;
        }

        var source = each == 4 ? IpAddress.ReadV4(data) : IpAddress.ReadV6(data);
        var destination = each == 4 ? IpAddress.ReadV4(data[each..]) : IpAddress.ReadV6(data[each..]);
        return source == from.Peer.Ip && destination == from.Local.Ip;
    }

    /// <summary>Who can move asks, behind a NAT, where it is seen: the NAT may have changed that (RFC 4555 section 3.8).</summary>
    private static bool WatchesNat(IkeSession session) => session is { HasMobike: true, NeedsKeepalive: true, Target: not null };

    private static void LookAtNat(IkeSession session, IkeSa sa, IkePayloads response)
    {
        if (response.Find(NotifyType.NatDetectionDestinationIp) is not { } seen)
        {
            return;
        }

        if (sa.SeenAs.Length > 0 && !seen.Data.AsSpan().SequenceEqual(sa.SeenAs))
        {
            session.Enqueue(session.Current, new Informational(InformationalKind.UpdateAddresses));
        }

        sa.SeenAs = [.. seen.Data];
    }

    /// <summary>
    /// Whoever answers has our keys; that it has the number says that it received it where we sent it, which is one place only as long as the peer has not moved since.
    /// </summary>
    private void HandleShown(IkeSession session, IkePayloads response, Instant now)
    {
        if (_move != session.Moves)
        {
            // It is being asked where it is now.
            return;
        }

        if (response.Find(NotifyType.Cookie2) is not { } cookie || !CryptographicOperations.FixedTimeEquals(cookie.Data.AsSpan(), _cookie))
        {
            session.Close("the peer does not receive where it says it moved to", now);
            return;
        }

        session.HasShown();
        session.Raise(new IkeMoved(session.Path, session.IsEncapsulated));
    }

    private void HandleMoved(IkeSession session, IkeSa sa, IkePayloads response, Instant now)
    {
        if (_move != session.Moves)
        {
            // It has moved once more since, and says so in another request.
            return;
        }

        if (response.FirstError is { } error)
        {
            session.Close($"the peer does not take our move: {error.Type}", now);
            return;
        }

        IkeSaInit.DetectNat(session, sa, response, sa.ResponderSpi);
        session.Raise(new IkeMoved(session.Path, session.IsEncapsulated));
    }
}
