using System.Buffers.Binary;
using Sallyport.Core.Gateway;
using Sallyport.DataPlane.Ike;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Ike;

public sealed class IkeInboxTests : IDisposable
{
    private const ulong Known = 0x1111;
    private const ulong Stranger = 0x2222;
    private const int StrangersMax = DataPlaneLimits.IkeInCapacity / 2;

    private static readonly OuterPath From = PathFixture.At("192.0.2.5", 500);

    private readonly IkeInbox _inbox = new();
    private readonly byte[] _room = new byte[DataPlaneLimits.IkeMessageMax];

    public IkeInboxTests()
    {
        _inbox.Use(Known, hasPeer: true);
        _inbox.Use(Stranger, hasPeer: false);
    }

    public void Dispose() => _inbox.Dispose();

    [Fact]
    public void What_is_for_nobody_takes_no_place()
    {
        _inbox.Put(From, Message(0x3333)).ShouldBe(DropReason.UnknownPeer);
        _inbox.Free(Known);
        _inbox.Put(From, Message(Known)).ShouldBe(DropReason.UnknownPeer);
        _inbox.IsEmpty.ShouldBeTrue();
    }

    /// <summary>It has no flag of an initiator, and its SPI is the peer's own: the operator is told that it speaks IKEv1.</summary>
    [Fact]
    public void What_speaks_another_version_comes_in_as_a_stranger()
    {
        var message = Message(0);
        (message[17], message[19]) = (0x10, 0);
        for (var i = 0; i < StrangersMax; i++)
        {
            _inbox.Put(From, message).ShouldBe(DropReason.None);
        }

        _inbox.Put(From, message).ShouldBe(DropReason.HandshakeQueueFull);
    }

    [Fact]
    public void Strangers_take_half_of_the_places_and_who_is_known_finds_one()
    {
        for (var i = 0; i < StrangersMax; i++)
        {
            _inbox.Put(From, Message(0)).ShouldBe(DropReason.None);
        }

        _inbox.Put(From, Message(0)).ShouldBe(DropReason.HandshakeQueueFull);
        _inbox.Put(From, Message(Stranger)).ShouldBe(DropReason.None, "whose handshake is under way has shown that it receives");
        for (var spi = 0x10_000ul; _inbox.Put(From, Message(spi)) != DropReason.HandshakeQueueFull; spi++)
        {
            _inbox.Use(spi + 1, hasPeer: false);
        }

        _inbox.Put(From, Message(Stranger)).ShouldBe(DropReason.HandshakeQueueFull);
        _inbox.Put(From, Message(Known)).ShouldBe(DropReason.None);
        _inbox.Use(Stranger, hasPeer: true);
        _inbox.Put(From, Message(Stranger)).ShouldBe(DropReason.None);
    }

    [Fact]
    public void One_sa_takes_few_places_and_has_them_back_as_they_are_read()
    {
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < DataPlaneLimits.IkeInPerSa; i++)
            {
                _inbox.Put(From, Message(Known)).ShouldBe(DropReason.None);
            }

            _inbox.Put(From, Message(Known)).ShouldBe(DropReason.HandshakeQueueFull);
            _inbox.Put(From, Message(Stranger)).ShouldBe(DropReason.None);
            while (_inbox.TryTakeMessage(_room, out _, out var length))
            {
                length.ShouldBe(60);
            }
        }
    }

    [Fact]
    public void What_found_no_place_has_taken_none()
    {
        var spis = Enumerable.Range(1, 2 * DataPlaneLimits.IkeInCapacity / DataPlaneLimits.IkeInPerSa).Select(i => (ulong)i).ToList();
        spis.ForEach(spi => _inbox.Use(spi, hasPeer: true));
        var refused = spis.Sum(spi => Enumerable.Range(0, DataPlaneLimits.IkeInPerSa).Count(_ => _inbox.Put(From, Message(spi)) != DropReason.None));
        refused.ShouldBe(DataPlaneLimits.IkeInCapacity);
        while (_inbox.TryTakeMessage(_room, out _, out _))
        {
        }

        // Each has all of its places again.
        foreach (var spi in spis.Take(DataPlaneLimits.IkeInCapacity / DataPlaneLimits.IkeInPerSa))
        {
            Enumerable.Range(0, DataPlaneLimits.IkeInPerSa).ShouldAllBe(_ => _inbox.Put(From, Message(spi)) == DropReason.None);
        }
    }

    /// <summary>From an initiator, to this SPI of ours.</summary>
    private static byte[] Message(ulong spi)
    {
        var message = new byte[60];
        BinaryPrimitives.WriteUInt64BigEndian(message, 77);
        BinaryPrimitives.WriteUInt64BigEndian(message.AsSpan(8), spi);
        (message[17], message[19]) = (0x20, 0x08);
        return message;
    }
}
