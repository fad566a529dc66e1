using System.Buffers.Binary;
using Sallyport.Core.Ike.Eap;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// A server and a client of EAP, and somebody between them. Input: <c>who 1 | steps</c>; who: bit 0 TLS or MS-CHAPv2, bit 1 a client that can prove nothing,
/// bit 2 a server that can prove nothing, bit 3 short packets. A step: <c>what 1</c>, then 0: the packet that is due goes on. 1: it goes on changed,
/// <c>place 2 | xor 1</c>. 2: it is cut by <c>count 1</c>, with a length that is right. 3: the server, 4: the client gets <c>length 1 | bytes</c> instead, as
/// what is due to it. 5: the client gets a success. 6: the last packet goes again.
/// </summary>
internal sealed class EapTalkTarget : FuzzTarget
{
    private const byte First = 3;

    public override string Name => "eap-talk";

    public override int InputMax => 512;

    public override int ReplayMutations => 500;

    public override IReadOnlyList<byte[]> Words => [[0, 0, 0, 0], [5], [6], [3, 2, 26, 3], [3, 2, 13, 0], [4, 2, 13, 0x20], [4, 1, 3], [1, 0, 5, 0x80]];

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        for (var who = 0; who < 16; who++)
        {
            yield return ($"goes-on-{who}", [(byte)who, .. new byte[who >= 8 ? 120 : 16]]);
        }

        yield return ("early-success", [0, 0, 0, 5]);
        yield return ("confirmed", [3, 0, 3, 2, 26, 3]);
        yield return ("repeated", [0, 0, 0, 6, 0, 0]);
        yield return ("changed", [0, 0, 1, 0, 30, 1, 0, 0, 0]);
        yield return ("cut", [0, 0, 2, 9, 0, 0, 0]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.IsEmpty)
        {
            return;
        }

        var who = input[0] & 15;
        var (isClientLost, isServerLost) = ((who & 2) != 0, (who & 4) != 0);
        using var server = Server(who, isServerLost);
        using var client = Client(who, isClientLost);
        var talk = new Talk(server, client, probe);
        var isUntouched = true;
        var steps = input[1..];
        while (!steps.IsEmpty && !talk.IsOver)
        {
            var what = steps[0] % 7;
            isUntouched &= what == 0;
            talk.Step(what, ref steps);
        }

        probe.That(!isClientLost || !talk.IsServerContent, "who can prove nothing is not believed by the server");
        probe.That(!isServerLost || !talk.IsClientContent, "who can prove nothing is not believed by the client");
        probe.That(!isUntouched || isClientLost || isServerLost || talk.Failure == EapFailure.None, "who is left alone proves what he can");
        probe.That(!talk.IsServerContent || !talk.IsClientContent || talk.KeysAgree, "both have the same key");
        talk.Check();
    }

    private static EapServer Server(int who, bool isLost)
    {
        if ((who & 1) == 0)
        {
            return new EapTlsServer(isLost ? FuzzPki.Impostor : FuzzPki.Server, Keys.Start, First, Length(who));
        }

        return new EapMschapV2Server("pump-17", new Chance(isLost ? 2u : 1u).Bytes(16), "gw", new Chance(3), First);
    }

    private static EapClient Client(int who, bool isLost) => (who & 1) == 0
        ? new EapTlsClient(isLost ? FuzzPki.Stranger : FuzzPki.Client, "pump-17", Keys.Start, Length(who))
        : new EapMschapV2Client("pump-17", new Chance(isLost ? 4u : 1u).Bytes(16), new Chance(5));

    private static int Length(int who) => (who & 8) != 0 ? 100 : EapLimits.FragmentLength;

    private sealed class Talk(EapServer server, EapClient client, Probe probe)
    {
        private readonly List<byte> _serverKey = [];
        private readonly List<byte> _clientKey = [];
        private byte[] _due = server.Start();
        private byte[] _last = [];
        private bool _isForClient = true;

        public bool IsOver => _due.Length == 0;

        public bool IsServerContent => _serverKey.Count > 0;

        public bool IsClientContent => _clientKey.Count > 0;

        public bool KeysAgree => _serverKey.SequenceEqual(_clientKey);

        public EapFailure Failure { get; private set; }

        public void Step(int what, ref ReadOnlySpan<byte> steps)
        {
            var reader = new ByteReader(steps[1..]);
            byte[] packet = [.. _due];
            switch (what)
            {
                case 1 when reader.TryU16(out var place) && reader.TryU8(out var xor):
                    packet[place % packet.Length] ^= xor;
                    break;
                case 2 when reader.TryU8(out var count):
                    packet = packet[..Math.Max(EapMessage.HeadLength, packet.Length - count)];
                    BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
                    break;
                case 3 or 4 when reader.TryU8(out var length) && reader.TryBytes(Math.Min(length, reader.Remaining), out var bytes):
                    _isForClient = what == 4;
                    packet = [(byte)(_isForClient ? EapCode.Request : EapCode.Response), _due[1], 0, (byte)(EapMessage.HeadLength + bytes.Length), .. bytes];
                    break;
                case 5:
                    _isForClient = true;
                    packet = EapMessage.Success(_due[1]);
                    break;
                case 6:
                    packet = _last;
                    break;
                default:
                    break;
            }

            steps = reader.Rest;
            Deliver(packet);
        }

        /// <summary>After the end there is nothing.</summary>
        public void Check()
        {
            if (IsServerContent || Failure != EapFailure.None)
            {
                probe.That(!IsServerContent || server.Handle(EapMessage.Response(0, server.Method, default)).Outcome == EapOutcome.Failure, "a server is content once");
                probe.That(!IsClientContent || client.Handle(EapMessage.Success(0)).Outcome == EapOutcome.Failure, "a client is content once");
            }
        }

        private void Deliver(byte[] packet)
        {
            var step = _isForClient ? client.Handle(packet) : server.Handle(packet);
            probe.Reach(((long)step.Outcome << 8) + ((long)step.Failure << 1) + (_isForClient ? 1 : 0));
            probe.That(step.Outcome == EapOutcome.Success == step.Msk is not null, "there is a key exactly where it is a success");
            probe.That(step.Outcome == EapOutcome.Failure == (step.Failure != EapFailure.None), "a failure has a reason, and nothing else has");
            probe.That(!PlainText.HasUnsafe(step.Detail), "what is recorded can be shown");
            probe.That(step.Packet.Length == 0 || EapMessage.TryRead(step.Packet, out _), "what we say is EAP");
            Failure = step.Failure == EapFailure.None ? Failure : step.Failure;
            if (step.Msk is { } msk)
            {
                (_isForClient ? _clientKey : _serverKey).AddRange(msk.Bytes);
                msk.Dispose();
            }

            _last = packet;
            _due = step.Packet;
            _isForClient = !_isForClient;
        }
    }
}
