namespace Sallyport.Core.Primitives;

/// <summary>Where unpredictable bytes come from: the system's CSPRNG in the shells, a seeded stream in simulations.</summary>
public interface IEntropy
{
    /// <summary>Fills every byte of <paramref name="bytes"/>.</summary>
    void Fill(Span<byte> bytes);
}
