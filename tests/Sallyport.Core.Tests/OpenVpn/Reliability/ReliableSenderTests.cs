using Sallyport.Core.OpenVpn.Reliability;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.OpenVpn.Reliability;

public class ReliableSenderTests
{
    private static readonly Instant Start = Instant.FromUnixSeconds(1_700_000_000);

    [Fact]
    public void Messages_are_numbered_in_order_and_sent_once_at_once()
    {
        var sender = new ReliableSender();
        sender.NextDeadline.ShouldBe(Instant.Never);
        sender.Enqueue(Opcode.HardResetServerV2, []);
        sender.Enqueue(Opcode.ControlV1, [1, 2, 3]);
        (sender.NextDeadline <= Start).ShouldBeTrue();

        sender.TryTakeDue(Start, out var id, out var opcode, out var payload).ShouldBeTrue();
        id.ShouldBe(0u);
        opcode.ShouldBe(Opcode.HardResetServerV2);
        payload.Length.ShouldBe(0);
        sender.TryTakeDue(Start, out id, out opcode, out payload).ShouldBeTrue();
        id.ShouldBe(1u);
        opcode.ShouldBe(Opcode.ControlV1);
        payload.ToArray().ShouldBe([1, 2, 3]);
        sender.TryTakeDue(Start, out _, out _, out _).ShouldBeFalse();
        sender.NextDeadline.ShouldBe(Start + TimeSpan.FromSeconds(2));
    }

    [Fact]
    public void Numbering_goes_on_where_a_stateless_handshake_ended()
    {
        var sender = new ReliableSender(firstId: 1);
        sender.Enqueue(Opcode.ControlV1, []);
        Taken(sender, Start).ShouldBe([1u]);
        sender.HandleAck(0, Start);
        sender.IsEmpty.ShouldBeFalse();
        sender.HandleAck(1, Start);
        sender.IsEmpty.ShouldBeTrue();
    }

    [Fact]
    public void Retransmission_waits_two_seconds_and_doubles_each_message_on_its_own()
    {
        var sender = new ReliableSender();
        sender.Enqueue(Opcode.ControlV1, [1]);
        Taken(sender, Start).ShouldBe([0u]);
        sender.Enqueue(Opcode.ControlV1, [2]);
        Taken(sender, Start + TimeSpan.FromSeconds(1)).ShouldBe([1u]);

        Taken(sender, After(2) - TimeSpan.FromMicroseconds(1)).ShouldBe([]);
        Taken(sender, After(2)).ShouldBe([0u]);
        Taken(sender, After(2)).ShouldBe([]);
        Taken(sender, After(3)).ShouldBe([1u]);
        Taken(sender, After(6) - TimeSpan.FromMicroseconds(1)).ShouldBe([]);
        Taken(sender, After(6)).ShouldBe([0u]);
        Taken(sender, After(7)).ShouldBe([1u]);
        sender.NextDeadline.ShouldBe(After(14));
    }

    [Fact]
    public void Doubling_ends_so_that_a_peer_that_is_silent_for_ever_overflows_nothing()
    {
        var sender = new ReliableSender();
        sender.Enqueue(Opcode.ControlV1, [1]);
        var now = Start;
        for (var i = 0; i < 100; i++)
        {
            Taken(sender, now).ShouldBe([0u]);
            (sender.NextDeadline - now).ShouldBeLessThanOrEqualTo(OpenVpnLimits.LongestRetransmit);
            now = sender.NextDeadline;
        }

        (sender.NextDeadline - now).ShouldBe(TimeSpan.Zero);
        (now - Start).ShouldBe(TimeSpan.FromSeconds(2 + 4 + 8 + 16 + 32 + (95 * 64)));
    }

    [Fact]
    public void Three_acknowledgements_of_later_messages_send_an_earlier_one_at_once()
    {
        var sender = Full();
        Taken(sender, Start).Count.ShouldBe(6);
        sender.HandleAck(3, After(1));
        sender.HandleAck(2, After(1));
        sender.HandleAck(2, After(1));
        Taken(sender, After(1)).ShouldBe([]);
        sender.HandleAck(5, After(1));
        sender.NextDeadline.ShouldBe(After(1));
        Taken(sender, After(1)).ShouldBe([0u, 1u]);
        Taken(sender, After(1)).ShouldBe([]);
    }

    [Fact]
    public void Window_is_six_from_the_oldest_unacknowledged()
    {
        var sender = Full();
        sender.CanAccept.ShouldBeFalse();
        Taken(sender, Start);
        sender.HandleAck(1, Start);
        sender.HandleAck(5, Start);
        sender.CanAccept.ShouldBeFalse();
        sender.HandleAck(0, Start);
        sender.CanAccept.ShouldBeTrue();
        sender.Enqueue(Opcode.ControlV1, [6]);
        sender.Enqueue(Opcode.ControlV1, [7]);
        sender.CanAccept.ShouldBeFalse();
        Taken(sender, Start).ShouldBe([6u, 7u]);
    }

    [Fact]
    public void Acknowledgements_of_what_was_never_sent_do_nothing()
    {
        var sender = Full();
        foreach (var id in (uint[])[0, 3, 6, 7, 0x80000000, uint.MaxValue])
        {
            sender.HandleAck(id, Start);
        }

        Taken(sender, Start).ShouldBe([0u, 1, 2, 3, 4, 5]);
    }

    [Fact]
    public void Cleared_sender_has_nothing_left_to_send()
    {
        var sender = Full();
        Taken(sender, Start);
        sender.Clear();
        sender.IsEmpty.ShouldBeTrue();
        sender.NextDeadline.ShouldBe(Instant.Never);
        Taken(sender, After(100)).ShouldBe([]);
    }

    private static ReliableSender Full()
    {
        var sender = new ReliableSender();
        while (sender.CanAccept)
        {
            sender.Enqueue(Opcode.ControlV1, [9]);
        }

        return sender;
    }

    private static Instant After(int seconds) => Start + TimeSpan.FromSeconds(seconds);

    private static List<uint> Taken(ReliableSender sender, Instant now)
    {
        var ids = new List<uint>();
        while (sender.TryTakeDue(now, out var id, out _, out _))
        {
            ids.Add(id);
        }

        return ids;
    }
}
