using Sallyport.DataPlane.Shards;
using Sallyport.DataPlane.Tests.Fixtures;
using Sallyport.DataPlane.Tunnels;

namespace Sallyport.DataPlane.Tests.Shards;

public sealed class MailboxTests
{
    private static readonly ShardCommand Begins = new PeerNegotiates(0, 0);

    [Fact]
    public void Commands_come_out_in_order_and_no_more_than_fit()
    {
        using var mailbox = new Mailbox();
        for (var i = 0; i < DataPlaneLimits.MailboxCommands; i++)
        {
            mailbox.TryPost(new PeerNegotiates(i, i)).ShouldBeTrue();
        }

        mailbox.TryPost(Begins).ShouldBeFalse();
        mailbox.TryTake(out var first).ShouldBeTrue();
        ((PeerNegotiates)first!).Slot.ShouldBe(0);
        mailbox.TryPost(Begins).ShouldBeTrue();
    }

    [Fact]
    public void An_order_is_never_refused_and_comes_first()
    {
        using var mailbox = new Mailbox();
        Fill(mailbox);
        mailbox.Order(new DisconnectIdentity(5));
        mailbox.Order(new DisconnectIdentity(6));

        mailbox.TryTake(out var first).ShouldBeTrue();
        mailbox.TryTake(out var second).ShouldBeTrue();
        (first, second).ShouldBe((new DisconnectIdentity(5), new DisconnectIdentity(6)));
        mailbox.TryTake(out var third).ShouldBeTrue();
        third.ShouldBe(Begins);
    }

    [Fact]
    public void What_ends_something_is_never_refused_and_comes_behind_what_began_it()
    {
        using var mailbox = new Mailbox();
        var begun = Fill(mailbox);
        ShardCommand[] ends = [new UseChild(1, 1, 7), new RemoveChild(1, 1, 6, default), new CloseTunnel(1, 1, TunnelEnd.Silent)];
        foreach (var end in ends)
        {
            mailbox.TryPost(end).ShouldBeTrue();
        }

        mailbox.TryPost(Begins).ShouldBeFalse();
        for (var i = 0; i < begun; i++)
        {
            mailbox.TryTake(out _).ShouldBeTrue();
        }

        foreach (var end in ends)
        {
            mailbox.TryTake(out var command).ShouldBeTrue();
            command.ShouldBe(end);
        }
    }

    [Fact]
    public void What_strangers_cause_leaves_room_for_what_peers_need()
    {
        using var mailbox = new Mailbox();
        var posted = 0;
        while (mailbox.TryPost(new PoisonConnection(default)))
        {
            posted++;
        }

        posted.ShouldBe(DataPlaneLimits.MailboxPoisons);
        mailbox.TryPost(new CloseTunnel(0, 0, TunnelEnd.Silent)).ShouldBeTrue();
    }

    [Fact]
    public void Datagrams_are_bounded_in_number_and_in_length()
    {
        using var mailbox = new Mailbox();
        var path = PathFixture.At("192.0.2.5", 5);
        mailbox.TryPost(path, new byte[DataPlaneLimits.DatagramOutMax + 1]).ShouldBeFalse();
        for (var i = 0; i < DataPlaneLimits.ControlOutCapacity; i++)
        {
            mailbox.TryPost(path, [(byte)i]).ShouldBeTrue();
        }

        mailbox.TryPost(path, [0]).ShouldBeFalse();
        var buffer = new byte[DataPlaneLimits.DatagramOutMax];
        for (var i = 0; i < DataPlaneLimits.ControlOutCapacity; i++)
        {
            mailbox.TryTake(buffer, out var to, out var length).ShouldBeTrue();
            (to, length, buffer[0]).ShouldBe((path, 1, (byte)i));
        }

        mailbox.TryTake(buffer, out _, out _).ShouldBeFalse();
        mailbox.IsEmpty.ShouldBeTrue();
    }

    [Fact]
    public async Task Every_command_of_many_threads_arrives()
    {
        using var mailbox = new Mailbox();
        var writers = Enumerable.Range(0, 4).Select(writer => Task.Run(() =>
        {
            for (var i = 0; i < 1000; i++)
            {
                mailbox.TryPost(new CloseTunnel(writer, i, TunnelEnd.Silent)).ShouldBeTrue();
            }
        })).ToArray();
        var lastOf = new long[4];
        Array.Fill(lastOf, -1);
        var taken = 0;
        while (taken < 4000)
        {
            if (mailbox.TryTake(out var command) && command is CloseTunnel close)
            {
                close.TunnelId.ShouldBe(lastOf[close.Slot] + 1);
                lastOf[close.Slot] = close.TunnelId;
                taken++;
            }
        }

        await Task.WhenAll(writers);
        mailbox.IsEmpty.ShouldBeTrue();
    }

    private static int Fill(Mailbox mailbox)
    {
        var posted = 0;
        while (mailbox.TryPost(Begins))
        {
            posted++;
        }

        return posted;
    }
}
