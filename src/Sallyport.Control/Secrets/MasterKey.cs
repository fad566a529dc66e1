using System.Security.Cryptography;

namespace Sallyport.Control.Secrets;

/// <summary>
/// The key under which everything secret in the database is sealed: 32 bytes in a file that only its owner may read.
/// Whoever has the file and the database has the fleet; a backup keeps them apart.
/// </summary>
internal sealed class MasterKey : IDisposable
{
    public const int Length = 32;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly byte[] bytes;

    public MasterKey(byte[] bytes) => this.bytes = bytes;

    public ReadOnlySpan<byte> Bytes => bytes;

    /// <summary>Reads the key; makes one where there is neither key nor database.</summary>
    public static MasterKey LoadOrCreate(string path, bool databaseExists)
    {
        if (File.Exists(path))
        {
            return Load(path);
        }

        if (databaseExists)
        {
            throw new InvalidOperationException(
                $"{path} is missing, and what the database holds was sealed with it. Put the file back from its backup (mode 0600).");
        }

        var made = New();
        made.Save(path);
        return made;
    }

    public static MasterKey New() => new(RandomNumberGenerator.GetBytes(Length));

    public static MasterKey Load(string path)
    {
        if ((File.GetUnixFileMode(path) & ~OwnerOnly & ~UnixFileMode.UserExecute) != 0)
        {
            throw new InvalidOperationException($"{path} may be read by others. Run: chmod 600 {path}");
        }

        var bytes = File.ReadAllBytes(path);
        return bytes.Length == Length
            ? new MasterKey(bytes)
            : throw new InvalidOperationException($"{path} has {bytes.Length} bytes instead of {Length}: it is not a Sallyport master key.");
    }

    public MasterKey Copy() => new([.. bytes]);

    public void Save(string path) => SecretFile.Write(path, bytes);

    public bool IsSameAs(MasterKey other) => CryptographicOperations.FixedTimeEquals(bytes, other.bytes);

    public void Dispose() => CryptographicOperations.ZeroMemory(bytes);

    public override string ToString() => "master key";
}
