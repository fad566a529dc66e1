using System.Security.Cryptography;
using Sallyport.Core.Primitives;

namespace Sallyport.Simulator.Devices;

internal sealed class SystemEntropy : IEntropy
{
    public static readonly SystemEntropy Instance = new();

    public void Fill(Span<byte> bytes) => RandomNumberGenerator.Fill(bytes);
}
