using System.Buffers.Binary;
using System.Text.Json;
using Sallyport.Api.Nodes;

namespace Sallyport.DataPlane.Nodes;

/// <summary>Frames of the node protocol on a stream: a big-endian uint32 length, then one message as UTF-8 JSON.</summary>
public static class NodeFrames
{
    /// <summary>A snapshot of a million devices is some 500 MB; the other end is our own control, so this only bounds a mistake.</summary>
    public const int FrameMax = 1 << 30;

    /// <summary>Null where the stream ended between two frames.</summary>
    public static async ValueTask<NodeMessage?> ReadAsync(Stream stream, CancellationToken cancel)
    {
        var head = new byte[sizeof(uint)];
        var got = await stream.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancel).ConfigureAwait(false);
        if (got == 0)
        {
            return null;
        }

        if (got < head.Length)
        {
            throw new EndOfStreamException("The node link ended within a frame.");
        }

        var length = BinaryPrimitives.ReadUInt32BigEndian(head);
        if (length is 0 or > FrameMax)
        {
            throw new InvalidDataException($"A frame of {length} bytes is not the node protocol.");
        }

        var body = GC.AllocateUninitializedArray<byte>((int)length);
        await stream.ReadExactlyAsync(body, cancel).ConfigureAwait(false);
        return JsonSerializer.Deserialize(body, NodeJson.Default.NodeMessage)
            ?? throw new InvalidDataException("An empty frame is not the node protocol.");
    }

    public static async ValueTask WriteAsync(Stream stream, NodeMessage message, CancellationToken cancel)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(message, NodeJson.Default.NodeMessage);
        var frame = new byte[sizeof(uint) + body.Length];
        BinaryPrimitives.WriteUInt32BigEndian(frame, (uint)body.Length);
        body.CopyTo(frame, sizeof(uint));
        await stream.WriteAsync(frame, cancel).ConfigureAwait(false);
        await stream.FlushAsync(cancel).ConfigureAwait(false);
    }
}
