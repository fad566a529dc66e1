using System.Buffers.Binary;
using System.Text;
using Sallyport.Core.OpenVpn.Door;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// A session whose peer holds good keys and a good certificate and says inside TLS what the input says. Input: <c>knobs 1 | (length 2 | record)…</c>.
/// Knobs: bits 0-1 what our owner does (0, 1 accept, 2 reject, 3 keep silent), bit 2 whether we renegotiate in between.
/// </summary>
internal abstract class InsideTlsTarget : FuzzTarget
{
    private const int RecordsMax = 24;

    public override int InputMax => 6000;

    public override int ReplayMutations => 200;

    public override IReadOnlyList<byte[]> Words =>
        [.. WordsOf(NegotiationSeeds.PeerInfoWords), .. WordsOf(NegotiationSeeds.OptionWords), .. new ControlMessageTarget().Words, .. new PushReplyTarget().Words];

    protected abstract bool PeerIsServer { get; }

    protected abstract Session Open(RawPeer peer, Instant now);

    /// <param name="heard">What the session said after its key method message.</param>
    protected abstract void CheckHeard(int decision, int keysReady, IReadOnlyList<ControlMessage> heard, Probe probe);

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.IsEmpty)
        {
            return;
        }

        var now = Keys.Start;
        using var peer = new RawPeer(PeerIsServer, now);
        using var session = Open(peer, now);
        var owner = new Owner(session, input[0] & 3, probe);
        peer.Converse(session, now, probe);
        probe.Reach(peer.IsHandshakeDone ? 1 : 0);
        probe.That(peer.IsHandshakeDone, "TLS with good certificates comes about");
        var rest = input[1..];
        for (var i = 0; i < RecordsMax && rest.Length >= 2; i++)
        {
            var length = Math.Min(BinaryPrimitives.ReadUInt16BigEndian(rest), rest.Length - 2);
            peer.Say(rest.Slice(2, length));
            rest = rest[(2 + length)..];
            peer.Converse(session, now, probe);
            owner.Drain(now);
            peer.Converse(session, now, probe);
            if ((input[0] & 4) != 0)
            {
                session.Renegotiate(now);
                peer.Converse(session, now, probe);
            }
        }

        for (var i = 0; i < 40 && !session.IsFinished && session.NextDeadline != Instant.Never; i++)
        {
            now = session.NextDeadline > now ? session.NextDeadline : now;
            session.HandleTimeout(now);
            peer.Converse(session, now, probe);
            owner.Drain(now);
        }

        probe.Reach((session.IsActive ? 1 : 0) | (session.IsFinished ? 2 : 0));
        CheckHeard(input[0] & 3, owner.KeysReady, MessagesOf(peer.Heard.Skip(1)), probe);
    }

    protected static byte[] Records(byte knobs, params byte[][] records)
    {
        var bytes = new List<byte> { knobs };
        foreach (var record in records)
        {
            bytes.Add((byte)(record.Length >> 8));
            bytes.Add((byte)record.Length);
            bytes.AddRange(record);
        }

        return [.. bytes];
    }

    protected static byte[] Text(string message) => Encoding.UTF8.GetBytes(message + "\0");

    private static List<ControlMessage> MessagesOf(IEnumerable<byte[]> records)
    {
        var messages = new List<ControlMessage>();
        foreach (var record in records)
        {
            ReadOnlySpan<byte> rest = record;
            while (ControlMessage.TryTakeNext(ref rest, out var message))
            {
                messages.Add(message);
            }
        }

        return messages;
    }

    /// <summary>Reads a session's events and decides.</summary>
    private sealed class Owner(Session session, int decision, Probe probe)
    {
        private bool _hasEnded;

        public int KeysReady { get; private set; }

        public void Drain(Instant now)
        {
            while (session.TryDequeueEvent(out var happened))
            {
                React(happened, now);
            }
        }

        private void React(SessionEvent happened, Instant now)
        {
            switch (happened)
            {
                case AuthenticationRequired required:
                    probe.Reach(required.Request.Username.Length > 0 ? 1 : 0);
                    probe.That(PrintableText.IsPrintable(required.Request.Username), "a user name can be shown");
                    required.Request.Dispose();
                    Decide(now);
                    break;
                case KeysReady ready:
                    KeysReady++;
                    probe.Reach(((long)ready.Format.Cipher << 8) | (long)ready.Format.Compression);
                    ready.Keys.Dispose();
                    break;
                case Established established:
                    probe.Reach(established.Options is null ? 0 : 1);
                    break;
                case Renegotiated:
                    probe.Reach();
                    break;
                case MessageReceived received:
                    probe.Reach((long)received.Message.Kind);
                    probe.That(PrintableText.IsPrintable(received.Message.Argument), "a message can be shown");
                    break;
                case SessionEnded ended:
                    probe.That(!_hasEnded, "a session ends once");
                    probe.That(PrintableText.IsPrintable(ended.Detail), "the detail of an end can be shown");
                    probe.Reach((long)ended.Reason);
                    _hasEnded = true;
                    break;
            }
        }

        private void Decide(Instant now)
        {
            switch (decision)
            {
                case 0 or 1:
                    ((ServerSession)session).Accept(Grants.Device, now);
                    break;
                case 2:
                    ((ServerSession)session).Reject(ControlMessage.AuthFailed("no"), "not known", now);
                    break;
            }
        }
    }
}

/// <summary>A hostile device with a certificate of ours.</summary>
internal sealed class InsideTlsOfServerTarget : InsideTlsTarget
{
    public override string Name => "inside-tls-server";

    protected override bool PeerIsServer => false;

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        var options = OptionString.Parse(Encoding.ASCII.GetBytes(NegotiationSeeds.Options26));
        var modern = KeyMethod2Target.Client(options, "", "", PeerInfo.Parse(Encoding.ASCII.GetBytes(NegotiationSeeds.PeerInfo26)));
        var old = KeyMethod2Target.Client(
            OptionString.Parse(Encoding.ASCII.GetBytes(NegotiationSeeds.OptionsRouter)), "pump-17", "secret",
            PeerInfo.Parse(Encoding.ASCII.GetBytes(NegotiationSeeds.PeerInfo24)));
        yield return ("accepted", Records(0, modern, Text("PUSH_REQUEST"), Text("EXIT")));
        yield return ("old-accepted", Records(0, old, Text("PUSH_REQUEST"), Text("PUSH_REQUEST")));
        yield return ("rejected", Records(2, modern, Text("PUSH_REQUEST")));
        yield return ("nobody-decides", Records(3, modern, Text("PUSH_REQUEST"), Text("PUSH_REQUEST")));
        yield return ("renegotiated", Records(4, modern, Text("PUSH_REQUEST"), Text("INFO,hello")));
        yield return ("push-before-key-method", Records(0, Text("PUSH_REQUEST"), modern));
        yield return ("unprintable", Records(0, modern, Text("INFO,\u001b[2J\u202e")));
    }

    protected override Session Open(RawPeer peer, Instant now)
    {
        var admission = new Admission
        {
            Wrapper = new PlainWrapper(),
            Remote = RawPeer.Id,
            Local = ControlPacketTarget.Ours,
            FirstPacket = peer.Reset(),
            IsCounted = false,
            ResetExchanged = false,
        };
        return new ServerSession(new ServerSessionOptions(), FuzzPki.Server, admission, new Chance(16), now);
    }

    /// <summary>CVE-2020-15078: nothing is granted before the owner said so.</summary>
    protected override void CheckHeard(int decision, int keysReady, IReadOnlyList<ControlMessage> heard, Probe probe)
    {
        if (decision >= 2)
        {
            probe.That(keysReady == 0, "no key is derived for a peer that was not accepted");
            probe.That(heard.All(message => message.Kind != ControlMessageKind.PushReply), "no configuration leaves for a peer that was not accepted");
        }
    }
}

/// <summary>A hostile server.</summary>
internal sealed class InsideTlsOfClientTarget : InsideTlsTarget
{
    public override string Name => "inside-tls-client";

    protected override bool PeerIsServer => true;

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        using var message = KeyMethod2Server.Create(new Chance(17), OptionString.Parse(Encoding.ASCII.GetBytes(NegotiationSeeds.Options26)));
        var room = new byte[NegotiationLimits.PlaintextMax];
        var keyMethod = room[..message.Write(room)];
        foreach (var (name, parts) in new PushReplyTarget().MakeSeeds())
        {
            yield return ($"push-{name}", Records(0, keyMethod, parts));
        }

        yield return ("auth-failed", Records(0, keyMethod, Text("AUTH_FAILED,TEMP[backoff 9]:later")));
        yield return ("push-first", Records(0, Text("PUSH_REPLY,ping 10"), keyMethod));
        yield return ("restart", Records(4, keyMethod, Text("PUSH_REPLY,ping 10,peer-id 3,cipher AES-128-GCM"), Text("RESTART"), Text("HALT")));
    }

    protected override Session Open(RawPeer peer, Instant now) =>
        new ClientSession(new ClientSessionOptions(), FuzzPki.Client, new PlainWrapper(), new Chance(18), now);

    protected override void CheckHeard(int decision, int keysReady, IReadOnlyList<ControlMessage> heard, Probe probe) =>
        probe.That(heard.All(message => message.Kind == ControlMessageKind.PushRequest), "a client asks for its configuration and says nothing else");
}
