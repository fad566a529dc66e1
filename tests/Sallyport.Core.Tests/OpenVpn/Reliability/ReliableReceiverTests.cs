using Sallyport.Core.OpenVpn.Reliability;
using Sallyport.Core.OpenVpn.Wire;
using Sallyport.Core.Primitives;

namespace Sallyport.Core.Tests.OpenVpn.Reliability;

public class ReliableReceiverTests
{
    private static readonly Instant Start = Instant.FromUnixSeconds(1_700_000_000);

    [Fact]
    public void Messages_come_out_in_order_and_once()
    {
        var receiver = new ReliableReceiver();
        receiver.Accept(1, Opcode.ControlV1, [1]).ShouldBe(ReceiveResult.New);
        receiver.TryTakeNext(out _, out _).ShouldBeFalse();
        receiver.Accept(2, Opcode.ControlV1, []).ShouldBe(ReceiveResult.New);
        receiver.Accept(1, Opcode.ControlV1, [99]).ShouldBe(ReceiveResult.Duplicate);
        receiver.Accept(0, Opcode.HardResetClientV2, [0]).ShouldBe(ReceiveResult.New);

        receiver.TryTakeNext(out var opcode, out var payload).ShouldBeTrue();
        opcode.ShouldBe(Opcode.HardResetClientV2);
        payload.ToArray().ShouldBe([0]);
        receiver.TryTakeNext(out _, out payload).ShouldBeTrue();
        payload.ToArray().ShouldBe([1]);
        receiver.TryTakeNext(out _, out payload).ShouldBeTrue();
        payload.Length.ShouldBe(0);
        receiver.TryTakeNext(out _, out _).ShouldBeFalse();
        receiver.Accept(2, Opcode.ControlV1, [2]).ShouldBe(ReceiveResult.Duplicate);
    }

    [Fact]
    public void Window_is_twelve_from_the_next_expected()
    {
        var receiver = new ReliableReceiver(firstId: 1);
        receiver.Accept(0, Opcode.ControlV1, []).ShouldBe(ReceiveResult.Duplicate);
        receiver.Accept(12, Opcode.ControlV1, []).ShouldBe(ReceiveResult.New);
        receiver.Accept(13, Opcode.ControlV1, []).ShouldBe(ReceiveResult.OutOfWindow);
        receiver.Accept(0x7fffffff, Opcode.ControlV1, []).ShouldBe(ReceiveResult.OutOfWindow);
        receiver.Accept(1, Opcode.ControlV1, []).ShouldBe(ReceiveResult.New);
        receiver.TryTakeNext(out _, out _).ShouldBeTrue();
        receiver.Accept(13, Opcode.ControlV1, []).ShouldBe(ReceiveResult.New);
        receiver.Accept(14, Opcode.ControlV1, []).ShouldBe(ReceiveResult.OutOfWindow);
    }

    [Fact]
    public void Cleared_receiver_keeps_its_place()
    {
        var receiver = new ReliableReceiver();
        receiver.Accept(0, Opcode.ControlV1, [1]);
        receiver.TryTakeNext(out _, out _).ShouldBeTrue();
        receiver.Accept(3, Opcode.ControlV1, [3]);
        receiver.Clear();
        receiver.Accept(0, Opcode.ControlV1, [1]).ShouldBe(ReceiveResult.Duplicate);
        receiver.Accept(3, Opcode.ControlV1, [4]).ShouldBe(ReceiveResult.New);
    }

    [Fact]
    public void Steady_traffic_allocates_only_the_tables_of_a_burst()
    {
        var receiver = new ReliableReceiver();
        var sender = new ReliableSender();
        var payload = new byte[1100];
        Exchange(100);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Exchange(1000);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(1000 * 1000);

        void Exchange(int count)
        {
            for (var i = 0; i < count; i++)
            {
                sender.Enqueue(Opcode.ControlV1, payload);
                sender.TryTakeDue(Start, out var id, out var opcode, out var sent).ShouldBeTrue();
                receiver.Accept(id, opcode, sent);
                while (receiver.TryTakeNext(out _, out _))
                {
                }

                sender.HandleAck(id, Start);
            }
        }
    }

    [Fact]
    public void Lossy_reordering_duplicating_link_delivers_every_message_in_order()
    {
        for (var seed = 1ul; seed <= 40; seed++)
        {
            Deliver(new SeededEntropy(seed)).ShouldBe(Enumerable.Range(0, 60), $"seed {seed}");
        }
    }

    [Fact]
    public void Hostile_ids_keep_what_is_held_within_the_window()
    {
        var entropy = new SeededEntropy(3);
        var receiver = new ReliableReceiver();
        var kept = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var id = entropy.Below(3) == 0 ? BitConverter.ToUInt32(entropy.Bytes(4)) : (uint)(1 + entropy.Below(20));
            kept += receiver.Accept(id, Opcode.ControlV1, entropy.Bytes(entropy.Below(40))) == ReceiveResult.New ? 1 : 0;
        }

        kept.ShouldBeLessThanOrEqualTo(OpenVpnLimits.ReceiveWindow);
    }

    private static List<int> Deliver(SeededEntropy entropy)
    {
        var sender = new ReliableSender();
        var receiver = new ReliableReceiver();
        var acks = default(AckQueue);
        var wire = new List<(uint Id, byte[] Payload)>();
        var got = new List<int>();
        var queued = 0;
        var now = Start;
        var ids = new uint[OpenVpnLimits.MaxAcks];
        while (queued < 60 || !sender.IsEmpty)
        {
            while (queued < 60 && sender.CanAccept)
            {
                sender.Enqueue(Opcode.ControlV1, [(byte)queued++]);
            }

            while (sender.TryTakeDue(now, out var id, out _, out var payload))
            {
                var copies = entropy.Below(4) == 0 ? 0 : 1 + entropy.Below(2);
                wire.AddRange(Enumerable.Repeat((id, payload.ToArray()), copies));
            }

            while (wire.Count > 0)
            {
                var at = entropy.Below(wire.Count);
                var (id, payload) = wire[at];
                wire.RemoveAt(at);
                if (receiver.Accept(id, Opcode.ControlV1, payload) != ReceiveResult.OutOfWindow)
                {
                    acks.Add(id);
                }
            }

            while (receiver.TryTakeNext(out _, out var message))
            {
                got.Add(message[0]);
            }

            while (!acks.IsEmpty)
            {
                var count = acks.Take(ids);
                for (var i = 0; i < count && entropy.Below(3) != 0; i++)
                {
                    sender.HandleAck(ids[i], now);
                }
            }

            now += TimeSpan.FromMilliseconds(500);
            (now - Start < TimeSpan.FromHours(10)).ShouldBeTrue("the link makes progress");
        }

        return got;
    }
}
