using Sallyport.Core.Ike.Eap;
using Sallyport.Core.Primitives;
using Sallyport.Core.Tests.Crypto;

namespace Sallyport.Core.Tests.Ike.Eap;

/// <summary>A server and a client that talk to each other, with somebody between them who may change what they say.</summary>
internal sealed class EapTalk(EapServer server, EapClient client)
{
    public List<byte[]> ToClient { get; } = [];

    public List<byte[]> ToServer { get; } = [];

    /// <summary>Until both are done, or one has nothing to say.</summary>
    public (EapStep Server, EapStep Client) Run(Func<byte[], byte[]>? toServer = null, Func<byte[], byte[]>? toClient = null)
    {
        var packet = server.Start();
        EapStep? atServer = null;
        while (true)
        {
            ToClient.Add(packet);
            var atClient = client.Handle(toClient is null ? packet : toClient(packet));
            if (atClient.Packet.Length == 0 || atServer is { Outcome: not EapOutcome.Continue })
            {
                return (atServer ?? Nothing, atClient);
            }

            ToServer.Add(atClient.Packet);
            atServer = server.Handle(toServer is null ? atClient.Packet : toServer(atClient.Packet));
            packet = atServer.Packet;
        }
    }

    public static void ShouldBeProven((EapStep Server, EapStep Client) end)
    {
        end.Server.Outcome.ShouldBe(EapOutcome.Success, end.Server.Detail);
        end.Client.Outcome.ShouldBe(EapOutcome.Success, end.Client.Detail);
        var (server, client) = (end.Server.Msk.ShouldNotBeNull(), end.Client.Msk.ShouldNotBeNull());
        server.Length.ShouldBe(64);
        server.Bytes.SequenceEqual(client.Bytes).ShouldBeTrue();
        server.Bytes.IndexOfAnyExcept((byte)0).ShouldBeGreaterThanOrEqualTo(0);
    }

    private static EapStep Nothing { get; } = new() { Outcome = EapOutcome.Continue, Packet = [] };
}

/// <summary>Bytes from a seed, the same in every run.</summary>
internal sealed class SeededEntropy(ulong seed) : IEntropy
{
    private readonly SeededBytes _bytes = new(seed);

    public void Fill(Span<byte> bytes) => _bytes.Take(bytes.Length).CopyTo(bytes);
}
