using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// A client and a server session whose wire does what the input says. Input: <c>knobs 1 | instructions</c>; knobs: bits 0-1 wrapping, bits 2-3 what the client
/// can. An instruction is one byte and its arguments, see <see cref="Step"/>. Afterwards the wire is good again and both ends are left to themselves.
/// </summary>
internal sealed class SessionTarget : FuzzTarget
{
    private const int InstructionsMax = 300;

    /// <summary>A handshake window and a renegotiation that starts over: by then every attempt has ended.</summary>
    private static readonly TimeSpan SettleTime = TimeSpan.FromSeconds(200);

    public override string Name => "session";

    public override int InputMax => 512;

    public override int ReplayMutations => 150;

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        for (byte knobs = 0; knobs < 16; knobs++)
        {
            yield return ($"good-wire-{knobs}", [knobs, 14]);
        }

        yield return ("renegotiations", [15, 14, 11, 14, 12, 14, 11, 12, 14]);
        yield return ("losses", [15, 2, 9, 30, 0, 3, 9, 30, 0, 1, 0, 1, 2, 10, 3, 10, 14]);
        yield return ("everything-twice", [3, 4, 0, 0, 4, 1, 1, 4, 0, 0, 5, 1, 1, 4, 0, 0, 14]);
        yield return ("corrupted", [3, 6, 0, 0, 30, 1, 0, 6, 1, 0, 9, 128, 1, 10, 14]);
        yield return ("replays", [3, 14, 8, 0, 0, 8, 1, 1, 8, 0, 3, 8, 1, 2, 14]);
        yield return ("clear-changes", [0, 0, 1, 6, 0, 0, 9, 1, 0, 1, 6, 1, 0, 1, 4, 1, 14]);
        yield return ("injected", [0, 14, 13, 0, 3, 1, 0, 0, 0, 0, 13, 1, 4, 0, 0, 3, 4, 21, 3, 1, 0, 14]);
        yield return ("torn", [1, 0, 1, 0, 7, 0, 0, 40, 0, 7, 1, 0, 12, 1, 14]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.IsEmpty)
        {
            return;
        }

        using var world = new SessionWorld((WrappingKind)(input[0] & 3), (input[0] >> 2) & 3, probe);
        var program = new Program(input[1..]);
        for (var i = 0; i < InstructionsMax && program.TryTake(out var instruction); i++)
        {
            Step(world, instruction % 16, ref program);
        }

        world.Settle(SettleTime);
        // Who has the key of a plain session is everybody on its way: there, only what is bounded is promised.
        if (world.Wrapping != WrappingKind.None)
        {
            world.CheckThatAllEndsWell(SettleTime);
        }
    }

    private static void Step(SessionWorld world, int instruction, ref Program program)
    {
        switch (instruction)
        {
            case 0 or 1:
                world.Deliver(instruction);
                break;
            case 2 or 3:
                world.Lose(instruction - 2);
                break;
            case 4:
                world.Double(program.Take() % 2);
                break;
            case 5:
                world.Swap(program.Take() % 2);
                break;
            case 6:
                world.Change(program.Take() % 2, program.Take16(), program.Take());
                break;
            case 7:
                world.Cut(program.Take() % 2, program.Take16());
                break;
            case 8:
                world.Replay(program.Take() % 2, program.Take());
                break;
            case 9:
                world.Wait(TimeSpan.FromMilliseconds(100 * program.Take()));
                break;
            case 10:
                world.WaitForDeadline();
                break;
            case 11 or 12:
                world.Renegotiate(instruction - 11);
                break;
            case 13:
                Inject(world, ref program);
                break;
            case 14:
                world.Settle(TimeSpan.FromSeconds(15));
                break;
            default:
                world.Deliver(0);
                world.Deliver(1);
                break;
        }
    }

    /// <summary>A packet made up by somebody on the way, with the session ids that are in clear.</summary>
    private static void Inject(SessionWorld world, ref Program program)
    {
        var to = program.Take() % 2;
        var opcode = (Opcode)(program.Take() % 12);
        var keyId = program.Take() % 8;
        var acks = new uint[program.Take() % 9];
        for (var i = 0; i < acks.Length; i++)
        {
            acks[i] = program.Take();
        }

        var messageId = (uint)program.Take();
        var payload = program.TakeBytes(program.Take());
        world.Inject(to, opcode, keyId, acks, opcode == Opcode.AckV1 ? null : messageId, payload);
    }

    /// <summary>Instructions and their arguments; zeros where the input has ended.</summary>
    private ref struct Program(ReadOnlySpan<byte> input)
    {
        private ReadOnlySpan<byte> _rest = input;

        public bool TryTake(out byte value)
        {
            value = _rest.IsEmpty ? (byte)0 : _rest[0];
            var isThere = !_rest.IsEmpty;
            _rest = isThere ? _rest[1..] : _rest;
            return isThere;
        }

        public byte Take()
        {
            TryTake(out var value);
            return value;
        }

        public int Take16() => (Take() << 8) | Take();

        public ReadOnlySpan<byte> TakeBytes(int count)
        {
            var bytes = _rest[..Math.Min(count, _rest.Length)];
            _rest = _rest[bytes.Length..];
            return bytes;
        }
    }
}
