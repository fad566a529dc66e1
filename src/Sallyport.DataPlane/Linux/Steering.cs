using System.Runtime.InteropServices;
using Sallyport.Core.OpenVpn.Data;
using Sallyport.Core.OpenVpn.Wire;

namespace Sallyport.DataPlane.Linux;

/// <summary>
/// Has the kernel bring every data packet to the socket of the shard that owns its tunnel, by the peer-id or SPI in it, wherever the peer may have
/// moved. Everything else goes by its addresses and ports.
/// </summary>
internal static unsafe class Steering
{
    private const ushort LoadByte = 0x30;
    private const ushort LoadWord = 0x20;
    private const ushort ShiftRight = 0x74;
    private const ushort And = 0x54;
    private const ushort Modulo = 0x94;
    private const ushort JumpIfEqual = 0x15;
    private const ushort ReturnResult = 0x16;
    private const ushort Return = 0x06;

    // No socket has it: the kernel then chooses by its own hash (SO_ATTACH_REUSEPORT_CBPF, socket(7)).
    private const uint NoSocket = uint.MaxValue;

    /// <summary>
    /// For all sockets that share the port of this one, in the order in which they were bound: shard n's was the n-th. False where the
    /// kernel will not; then shards hand such packets to each other.
    /// </summary>
    public static bool TryAttach(DatagramSocket socket, int shards) => socket.Kind switch
    {
        SocketKind.OpenVpn => TrySteerByPeerId(socket, shards),
        SocketKind.IkeNat => TrySteerBySpi(socket, shards),

        // IKE goes by its addresses, and raw sockets share no port.
        SocketKind.Ike or SocketKind.Esp => true,
    };

    /// <summary>Nothing comes to a socket that only sends.</summary>
    public static void DropEverything(DatagramSocket socket) =>
        Native.Check(Attach(socket, Native.SoAttachFilter, [new(Return, 0)]), "SO_ATTACH_FILTER");

    private static bool TrySteerByPeerId(DatagramSocket socket, int shards)
    {
        // The program sees the datagram from its first byte on.
        ReadOnlySpan<Instruction> program =
        [
            new(LoadByte, 0),
            new(ShiftRight, 3),
            new(JumpIfEqual, (byte)Opcode.DataV2, ifTrue: 0, ifFalse: 5),
            new(LoadWord, 0),
            new(And, DataLimits.NoPeerId),
            new(JumpIfEqual, DataLimits.NoPeerId, ifTrue: 2, ifFalse: 0),
            new(Modulo, (uint)shards),
            new(ReturnResult, 0),
            new(Return, NoSocket),
        ];
        return Attach(socket, Native.SoAttachReusePortCbpf, program) == 0;
    }

    /// <summary>An SPI of zero marks IKE. What is shorter than an SPI goes to the first socket.</summary>
    private static bool TrySteerBySpi(DatagramSocket socket, int shards)
    {
        ReadOnlySpan<Instruction> program =
        [
            new(LoadWord, 0),
            new(JumpIfEqual, 0, ifTrue: 2, ifFalse: 0),
            new(Modulo, (uint)shards),
            new(ReturnResult, 0),
            new(Return, NoSocket),
        ];
        return Attach(socket, Native.SoAttachReusePortCbpf, program) == 0;
    }

    private static int Attach(DatagramSocket socket, int option, ReadOnlySpan<Instruction> program)
    {
        fixed (Instruction* first = program)
        {
            var filter = new Program { Length = (ushort)program.Length, First = first };
            return Native.SetSockOpt(socket.Fd, Native.SolSocket, option, &filter, (uint)sizeof(Program));
        }
    }

    /// <summary>struct sock_filter.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Instruction(ushort code, uint operand, byte ifTrue = 0, byte ifFalse = 0)
    {
        private readonly ushort _code = code;
        private readonly byte _ifTrue = ifTrue;
        private readonly byte _ifFalse = ifFalse;
        private readonly uint _operand = operand;
    }

    /// <summary>struct sock_fprog.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Program
    {
        public ushort Length;
        public Instruction* First;
    }
}
