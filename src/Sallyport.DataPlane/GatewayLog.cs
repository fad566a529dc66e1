using System.Globalization;

namespace Sallyport.DataPlane;

/// <summary>One line per event: time, kind, text. Never per packet, never a secret. Any thread.</summary>
public sealed class GatewayLog(TextWriter writer, TimeProvider time)
{
    private readonly Lock _lock = new();

    public void Write(string kind, string text)
    {
        var at = time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
        lock (_lock)
        {
            try
            {
                writer.WriteLine($"{at} gateway {kind} {text}");
                writer.Flush();
            }
            catch (IOException)
            {
                // Whoever read our standard error is gone (control, upgraded or killed): that must not stop packets.
            }
        }
    }
}
