using Sallyport.Core.OpenVpn.Wire;

namespace Sallyport.Core.Tests.OpenVpn.Wire;

public class PacketHeadTests
{
    [Theory]
    [InlineData(Opcode.SoftResetV1, 0x18)]
    [InlineData(Opcode.ControlV1, 0x20)]
    [InlineData(Opcode.AckV1, 0x28)]
    [InlineData(Opcode.DataV1, 0x30)]
    [InlineData(Opcode.HardResetClientV2, 0x38)]
    [InlineData(Opcode.HardResetServerV2, 0x40)]
    [InlineData(Opcode.DataV2, 0x48)]
    [InlineData(Opcode.HardResetClientV3, 0x50)]
    [InlineData(Opcode.ControlWkcV1, 0x58)]
    public void First_byte_is_opcode_and_key_id(Opcode opcode, byte first)
    {
        PacketHead.Of(opcode, 0).Value.ShouldBe(first);
        var head = PacketHead.Of(opcode, 5);
        head.Value.ShouldBe((byte)(first | 5));
        head.Opcode.ShouldBe(opcode);
        head.KeyId.ShouldBe((byte)5);
    }

    [Fact]
    public void Only_opcodes_in_use_are_control_or_data()
    {
        var control = Enumerable.Range(0, 32).Where(op => new PacketHead((byte)(op << 3)).IsControl);
        var data = Enumerable.Range(0, 32).Where(op => new PacketHead((byte)(op << 3)).IsData);
        control.ShouldBe([3, 4, 5, 7, 8, 10, 11]);
        data.ShouldBe([6, 9]);
    }
}
