using System.Buffers.Binary;
using System.Text.Json;
using Sallyport.Api.Nodes;

namespace Sallyport.Control.Nodes;

/// <summary>Frames of the node link: a big-endian uint32 length, then that much JSON.</summary>
internal static class NodeFrames
{
    /// <summary>A report of some ten thousand flows; gateways send hundreds at a time. What is longer ends the link.</summary>
    public const int IncomingMax = 8 * 1024 * 1024;

    private const int HeadLength = 4;

    public static byte[] Write(NodeMessage message)
    {
        using var buffer = new MemoryStream();
        buffer.Write([0, 0, 0, 0]);
        JsonSerializer.Serialize(buffer, message, NodeJson.Default.NodeMessage);
        var frame = buffer.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(frame, frame.Length - HeadLength);
        return frame;
    }

    /// <summary>The next message; null at the end of the stream. Throws <see cref="NodeProtocolException"/> for what is no frame.</summary>
    public static async Task<NodeMessage?> ReadAsync(Stream stream, SkippedRecords skipped, CancellationToken cancel)
    {
        var head = new byte[HeadLength];
        if (await stream.ReadAtLeastAsync(head, HeadLength, throwOnEndOfStream: false, cancel) < HeadLength)
        {
            return null;
        }

        var length = BinaryPrimitives.ReadUInt32BigEndian(head);
        if (length is 0 or > IncomingMax)
        {
            throw new NodeProtocolException($"a frame of {length} bytes; the limit is {IncomingMax}");
        }

        var body = new byte[length];
        if (await stream.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, cancel) < body.Length)
        {
            return null;
        }

        return Parse(body, skipped);
    }

    public static NodeMessage Parse(ReadOnlySpan<byte> body, SkippedRecords skipped)
    {
        try
        {
            var message = JsonSerializer.Deserialize(body, NodeJson.Default.NodeMessage) ?? throw new NodeProtocolException("a frame that says null");
            return NodeMessageCheck.Check(message, skipped);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new NodeProtocolException("a frame that is no message: " + e.GetType().Name);
        }
    }
}

/// <summary>What came over the link is not the protocol; the link ends.</summary>
internal sealed class NodeProtocolException(string message) : Exception(message);
