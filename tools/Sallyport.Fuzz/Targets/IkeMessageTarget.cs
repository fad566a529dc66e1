using Sallyport.Core.Ike.Wire;
using Sallyport.Core.Primitives;
using Sallyport.Fuzz.Engine;

namespace Sallyport.Fuzz.Targets;

/// <summary>
/// Messages of IKE with anything in them, sealed under the right keys where there are any, into an endpoint at each stage of a session. Input: <c>stage 1 | messages</c>. A
/// message: <c>to and kind 1 | exchange 1 | number 1 | type of the first payload 1 | length 2 | payloads</c>; to and kind: bit 0 to the device, bit 1 an answer, bit 2 the
/// first of two parts, bit 3 in the clear and as it is, bit 4 with the link that its receiver gave last wherever <see cref="IkeSeeds.Link"/> stands.
/// </summary>
internal sealed class IkeMessageTarget : FuzzTarget
{
    private const int MessagesMax = 8;

    public override string Name => "ike-message";

    public override int InputMax => 8192;

    public override int ReplayMutations => 400;

    public override IReadOnlyList<byte[]> Words =>
        [[34], [35], [36], [37], [38], [43], [44], [0, 0, 64, 57], [0, 0, 0, 47], [0, 0, 0, 8], [41, 0, 0, 8], [0, 0, 64, 9, 0, 0, 32, 1], [0, 0, 64, 16], [0, 0, 0, 17], [0, 0, 0, 43], [1, 0, 0, 0], [3, 4, 0, 1, 0, 0, 32, 1]];

    public override IEnumerable<(string Name, byte[] Input)> MakeSeeds()
    {
        yield return ("first", Seed(IkeStage.Silence, 8, ExchangeType.IkeSaInit, 0, IkeSeeds.First));
        yield return ("first-answer", Seed(IkeStage.Called, 1 | 2, ExchangeType.IkeSaInit, 0, IkeSeeds.First));
        yield return ("cookie", Seed(IkeStage.Called, 1 | 2, ExchangeType.IkeSaInit, 0, (ref PayloadWriter to) => to.Notify(NotifyType.Cookie, new byte[8])));
        yield return ("other-group", Seed(IkeStage.Called, 1 | 2, ExchangeType.IkeSaInit, 0, (ref PayloadWriter to) => to.Notify(NotifyType.InvalidKePayload, [0, 19])));
        yield return ("auth", Seed(IkeStage.Keyed, 0, ExchangeType.IkeAuth, 1, IkeSeeds.Auth));
        yield return ("auth-answer", Seed(IkeStage.Keyed, 1 | 2, ExchangeType.IkeAuth, 1, IkeSeeds.AuthAnswer));
        yield return ("rekey-too-early", Seed(IkeStage.Keyed, 0, ExchangeType.CreateChildSa, 1, IkeSeeds.RekeyIke));
        yield return ("create-child", Seed(IkeStage.Up, 0, ExchangeType.CreateChildSa, 2, IkeSeeds.CreateChild));
        yield return ("rekey-ike", Seed(IkeStage.Up, 1, ExchangeType.CreateChildSa, 0, IkeSeeds.RekeyIke));
        yield return ("delete", Seed(IkeStage.Up, 0, ExchangeType.Informational, 2, IkeSeeds.Delete));
        yield return ("delete-ike", Seed(IkeStage.Up, 1, ExchangeType.Informational, 0, (ref PayloadWriter to) => to.DeleteIke()));
        yield return ("move", Seed(IkeStage.Up, 0, ExchangeType.Informational, 2, IkeSeeds.Move));
        yield return ("part", Seed(IkeStage.Up, 4, ExchangeType.Informational, 2, IkeSeeds.Move));
        yield return ("answers", [.. Seed(IkeStage.Asking, 1 | 2, ExchangeType.CreateChildSa, 2, IkeSeeds.CreateChild), .. Seed(IkeStage.Asking, 1 | 2, ExchangeType.Informational, 3, IkeSeeds.Move)[1..]]);
        yield return ("busy", Seed(IkeStage.Asking, 1 | 2, ExchangeType.CreateChildSa, 2, (ref PayloadWriter to) => to.Notify(NotifyType.TemporaryFailure)));
        yield return ("followup-of-child", [.. Seed(IkeStage.Up, 0, ExchangeType.CreateChildSa, 2, IkeSeeds.CreateChildWithMore), .. Seed(IkeStage.Up, 16, ExchangeType.IkeFollowupKe, 3, IkeSeeds.FollowupKe)[1..]]);
        yield return ("followup-of-ike", [.. Seed(IkeStage.Up, 0, ExchangeType.CreateChildSa, 2, IkeSeeds.RekeyIkeWithMore), .. Seed(IkeStage.Up, 16, ExchangeType.IkeFollowupKe, 3, IkeSeeds.FollowupKe)[1..]]);
        yield return ("followup-of-nothing", Seed(IkeStage.Up, 0, ExchangeType.IkeFollowupKe, 2, IkeSeeds.FollowupKe));
        yield return ("followup-answers", [.. Seed(IkeStage.Asking, 1 | 2, ExchangeType.CreateChildSa, 2, IkeSeeds.CreateChildAnswerWithMore), .. Seed(IkeStage.Asking, 1 | 2, ExchangeType.IkeFollowupKe, 4, IkeSeeds.FollowupKe)[1..]]);
        yield return ("followup-forgotten", [.. Seed(IkeStage.Asking, 1 | 2, ExchangeType.CreateChildSa, 2, IkeSeeds.CreateChildAnswerWithMore), .. Seed(IkeStage.Asking, 1 | 2, ExchangeType.IkeFollowupKe, 4, (ref PayloadWriter to) => to.Notify(NotifyType.StateNotFound))[1..]]);
        yield return ("rekey-of-both", [.. Seed(IkeStage.Asking, 1, ExchangeType.CreateChildSa, 0, IkeSeeds.CreateChild), .. Seed(IkeStage.Asking, 1 | 2, ExchangeType.CreateChildSa, 2, IkeSeeds.CreateChild)[1..]]);
    }

    public override void Run(ReadOnlySpan<byte> input, Probe probe)
    {
        if (input.IsEmpty)
        {
            return;
        }

        var stage = (IkeStage)(input[0] % 5);
        using var world = new IkeWorldOfTwo(stage);
        var reader = new ByteReader(input[1..]);
        for (var i = 0; i < MessagesMax && TryGive(world, ref reader, probe); i++)
        {
        }

        probe.That(stage >= IkeStage.Up || (world.Gateway.Ups == 0 && world.Gateway.Live.Count == 0), "nobody is up who has not proven to know the key");
        probe.That(stage >= IkeStage.Up || (world.Device.Ups == 0 && world.Device.Live.Count == 0), "no gateway is ours that has not proven to know the key");
        probe.That(world.Gateway.Live.Count <= 1 + MessagesMax && world.Device.Live.Count <= 2 + MessagesMax, "each message makes one pair at most");
        world.IsCut = false;
        world.Pass(TimeSpan.FromMinutes(10));
        probe.Size(world.Gateway.Live.Count);
        probe.Reach(world.Gateway.Endpoint.Sessions);
        probe.That(world.Gateway.Endpoint.HalfOpenSessions == 0, "who does not go on is forgotten");
        probe.That(world.Gateway.Endpoint.Sessions > 0 || (world.Gateway.Live.Count == 0 && world.Gateway.Allotted.Count == 0), "nothing is left of a session that ended");
        probe.That(world.Device.Endpoint.Sessions > 0 || (world.Device.Live.Count == 0 && world.Device.Allotted.Count == 0), "nothing is left of a session that ended");
    }

    private static bool TryGive(IkeWorldOfTwo world, ref ByteReader reader, Probe probe)
    {
        if (!reader.TryU8(out var kind) || !reader.TryU8(out var exchange) || !reader.TryU8(out var number) || !reader.TryU8(out var first) || !reader.TryU16(out var length))
        {
            return false;
        }

        var payloads = reader.TryBytes(Math.Min((int)length, reader.Remaining), out var bytes) ? bytes : default;
        var to = (kind & 1) == 0 ? world.Gateway : world.Device;
        payloads = (kind & 16) == 0 ? payloads : WithLink(payloads, to.Entropy.Link);
        var from = (kind & 1) == 0 ? world.Device : world.Gateway;
        var isResponse = (kind & 2) != 0;
        world.Sent = 0;
        if ((kind & 8) != 0 || from.Session is null)
        {
            probe.Reach((long)world.Give(to, Clear(world, to, (ExchangeType)exchange, number, isResponse, (PayloadType)first, payloads)));
        }
        else
        {
            probe.Reach((long)world.Give(to, world.Make(from, (ExchangeType)exchange, number, isResponse, (PayloadType)first, payloads, (kind & 4) == 0 ? 1 : 2)));
        }

        probe.Reach((to.Last * 1_000) + from.Last);
        probe.Size(world.Sent);
        probe.That(world.Sent < 64, "one message makes few");
        return true;
    }

    /// <summary>As a stranger, or whoever reads along, can make it.</summary>
    private static byte[] Clear(IkeWorldOfTwo world, IkeWorldOfTwo.Party to, ExchangeType exchange, uint id, bool isResponse, PayloadType first, ReadOnlySpan<byte> payloads)
    {
        var message = new byte[IkeLimits.HeaderLength + payloads.Length];
        var own = to.Session?.LocalSpis.FirstOrDefault() ?? 0;
        var isToDevice = to == world.Device;
        new IkeHeader
        {
            InitiatorSpi = isToDevice ? own : 4711, ResponderSpi = isToDevice ? 4712 : own, NextPayload = first, Exchange = exchange, MessageId = id, Length = message.Length,
            Flags = (isToDevice ? IkeFlags.None : IkeFlags.Initiator) | (isResponse ? IkeFlags.Response : IkeFlags.None),
        }.Write(message);
        payloads.CopyTo(message.AsSpan(IkeLimits.HeaderLength));
        return message;
    }

    private static byte[] WithLink(ReadOnlySpan<byte> payloads, byte[] link)
    {
        var changed = payloads.ToArray();
        if (payloads.IndexOf(IkeSeeds.Link) is >= 0 and var at)
        {
            link.CopyTo(changed, at);
        }

        return changed;
    }

    private static byte[] Seed(IkeStage stage, byte kind, ExchangeType exchange, byte id, WriteIkePayloads payloads)
    {
        var (first, bytes) = IkeSeeds.Payloads(payloads);
        return [(byte)stage, kind, (byte)exchange, id, (byte)first, (byte)(bytes.Length >> 8), (byte)bytes.Length, .. bytes];
    }
}
