using System.CommandLine;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sallyport.Api.Client;
using Sallyport.Cli.Arguments;

namespace Sallyport.Cli.Connection;

/// <summary>
/// Which API, and who we are to it: the local socket with the local administrator's token, or https with one that was given.
/// </summary>
internal sealed class ConnectionFlags
{
    private readonly Option<string?> data = Flag.Text("--data", "Data directory of the installation on this machine", "DIRECTORY");
    private readonly Option<string?> url = Flag.Text("--url", "API of another machine, https://HOST:8443", "URL");
    private readonly Option<string?> token = Flag.Secret("--token", "Token; default: admin.token in the data directory", "TOKEN");
    private readonly Option<string?> ca = Flag.Text(
        "--ca", "Certificate (PEM) that the API's own must lead to; default: ca.pem in the data directory", "FILE");
    private readonly Option<int?> timeout = Flag.Number("--timeout", "Seconds to wait for an answer (30)", "SECONDS");

    public void AddTo(RootCommand root)
    {
        foreach (var option in (Option[])[data, url, token, ca, timeout])
        {
            option.Recursive = true;
            root.Add(option);
        }
    }

    public ClientOptions Resolve(ParseResult parse)
    {
        var directory = DataDirectory.Find(parse.GetValue(data), Variable, Directory.GetCurrentDirectory());
        var patience = TimeSpan.FromSeconds(Math.Min(Flag.AtLeastOne(parse, timeout) ?? 30, 3600));
        if (parse.GetValue(url) is not { } address)
        {
            var socket = Path.Combine(directory, "api.sock");
            return new ClientOptions { UnixSocket = socket, Token = TokenOf(parse, directory, socket), Timeout = patience };
        }

        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Scheme != Uri.UriSchemeHttps)
        {
            throw new CliException(
                ExitCodes.Usage, $"\"{address}\" is no https URL", "--url", "Write https://HOST:8443; a token is never sent in the clear.");
        }

        return new ClientOptions { BaseAddress = uri, Token = TokenOf(parse, directory, null), Anchors = AnchorsOf(
            parse, directory), Timeout = patience };
    }

    private string TokenOf(ParseResult parse, string directory, string? socket)
    {
        if ((parse.GetValue(token) ?? Flag.Variable(token.Name)) is { } given)
        {
            return given;
        }

        var path = Path.Combine(directory, "admin.token");
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (UnauthorizedAccessException)
        {
            throw new CliException(
                ExitCodes.NotAuthorised, $"{path} is not readable for {Environment.UserName}", "--token", "Run this as the user who runs Sallyport, or give --token or SALLYPORT_TOKEN.");
        }
        catch (IOException) when (socket is not null && !File.Exists(socket))
        {
            throw new CliException(
                ExitCodes.Unreachable,
                $"no Sallyport runs with its data in {directory}",
                "--data",
                "Start it with ./run, or name its data directory with --data or SALLYPORT_DATA, or another machine with --url.");
        }
        catch (IOException)
        {
            throw new CliException(
                ExitCodes.NotAuthorised,
                $"there is no token: {path} does not exist",
                "--token",
                "Give --token or SALLYPORT_TOKEN, or name the data directory with --data.");
        }
    }

    private X509Certificate2Collection? AnchorsOf(ParseResult parse, string directory)
    {
        var given = parse.GetValue(ca);
        var path = given ?? Path.Combine(directory, "ca.pem");
        if (given is null && !File.Exists(path))
        {
            return null;
        }

        try
        {
            var anchors = new X509Certificate2Collection();
            anchors.ImportFromPemFile(path);
            return anchors.Count > 0 ? anchors : throw new CryptographicException("there is no certificate in it");
        }
        catch (Exception error) when (error is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCodes.Usage, $"{path} cannot be used: {error.Message}", "--ca", "Name the installation's ca.pem.");
        }
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
