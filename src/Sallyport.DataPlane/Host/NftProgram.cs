using System.ComponentModel;
using System.Diagnostics;

namespace Sallyport.DataPlane.Host;

/// <summary>What could not be set up on the gateway host, in words for its operator.</summary>
internal class HostSetupException(string message) : Exception(message);

/// <summary>nft ran, and said no.</summary>
internal sealed class NftRefusalException(string message) : HostSetupException(message);

/// <summary>
/// The program nft of the gateway host. It is given so much time and is ended then: another process that holds the kernel's tables must
/// not hold us.
/// </summary>
/// <param name="path">Null: where distributions have it.</param>
internal sealed class NftProgram(string? path = null, TimeSpan? patience = null)
{
    private static readonly string[] Places = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft"];

    private readonly TimeSpan _patience = patience ?? TimeSpan.FromSeconds(10);

    private string? Path => path ?? Array.Find(Places, File.Exists);

    public bool IsInstalled => Path is not null;

    /// <exception cref="HostSetupException">It is not there, cannot be run or does not end.</exception>
    /// <exception cref="OperationCanceledException">What it was doing is done whole or not at all.</exception>
    public async Task<(bool Succeeded, string Output)> RunAsync(IReadOnlyList<string> arguments, string input, CancellationToken cancel)
    {
        var program = Path ?? throw new HostSetupException("nftables is not installed (the program nft)");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(_patience);
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            })!;
            try
            {
                return await TalkAsync(process, input, limit.Token).ConfigureAwait(false);
            }
            finally
            {
                End(process);
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new HostSetupException($"{program} {string.Join(' ', arguments)} does not end within {_patience.TotalSeconds:0.#} s");
        }
        catch (Exception e) when (e is Win32Exception or IOException)
        {
            throw new HostSetupException($"{program} cannot be run: {e.Message}");
        }
    }

    /// <summary>Both of its outputs are read while it runs, or it would wait for us as we for it.</summary>
    private static async Task<(bool Succeeded, string Output)> TalkAsync(Process process, string input, CancellationToken cancel)
    {
        var output = process.StandardOutput.ReadToEndAsync(cancel);
        var errors = process.StandardError.ReadToEndAsync(cancel);
        await process.StandardInput.WriteAsync(input.AsMemory(), cancel).ConfigureAwait(false);
        process.StandardInput.Close();
        await process.WaitForExitAsync(cancel).ConfigureAwait(false);
        return (process.ExitCode == 0, await output.ConfigureAwait(false) + await errors.ConfigureAwait(false));
    }

    private static void End(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It has ended, as it should.
        }
    }
}
