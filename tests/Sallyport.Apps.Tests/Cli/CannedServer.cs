using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Sallyport.Cli;

namespace Sallyport.Apps.Tests.Cli;

/// <summary>An API that says what a test wrote down, on a Unix socket in a data directory; and the command line tool run against it.</summary>
internal sealed class CannedServer : IAsyncDisposable
{
    public const string Token = "canned-token";

    private readonly Dictionary<string, (int Status, string Body)> answers = [];
    private readonly Dictionary<string, (int Status, string Body)> later = [];
    private readonly WebApplication app;

    private CannedServer(string directory)
    {
        Directory = directory;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => options.ListenUnixSocket(Path.Combine(directory, "api.sock")));
        app = builder.Build();
        app.Run(Answer);
    }

    public string Directory { get; }

    /// <summary>"POST /api/v1/devices {body}" of everything that was asked.</summary>
    public List<string> Asked { get; } = [];

    public static async Task<CannedServer> StartAsync()
    {
        var server = new CannedServer(System.IO.Directory.CreateTempSubdirectory("sallyport-cli-").FullName);
        await File.WriteAllTextAsync(Path.Combine(server.Directory, "admin.token"), Token + "\n");
        await server.app.StartAsync();
        return server;
    }

    public CannedServer Says(string request, string body, int status = 200)
    {
        answers[request] = (status, body);
        return this;
    }

    /// <summary>What it says from the second time on.</summary>
    public void SaysLater(string request, string body, int status) => later[request] = (status, body);

    /// <summary>Exit code, standard output and standard error of "sallyport ARGUMENTS".</summary>
    public Task<(int Code, string Output, string Remarks)> RunAsync(params string[] arguments) => RunOnAsync(Directory, arguments);

    /// <summary>The same on the server of that directory.</summary>
    public static async Task<(int Code, string Output, string Remarks)> RunOnAsync(string directory, params string[] arguments)
    {
        var (output, remarks) = (new StringWriter(), new StringWriter());
        var (outputBefore, errorBefore) = (Console.Out, Console.Error);
        Console.SetOut(output);
        Console.SetError(remarks);
        try
        {
            var code = await Program.RunAsync([.. arguments, "--data", directory], remarks);
            return (code, output.ToString(), remarks.ToString());
        }
        finally
        {
            Console.SetOut(outputBefore);
            Console.SetError(errorBefore);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private async Task Answer(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var request = $"{context.Request.Method} {context.Request.Path}";
        Asked.Add($"{request}{context.Request.QueryString} {await reader.ReadToEndAsync()}".TrimEnd());
        var (status, body) = context.Request.Headers.Authorization == $"Bearer {Token}"
            ? answers.GetValueOrDefault(request, (404, """{"status":404,"title":"Not found","detail":"there is nothing here","errors":[]}"""))
            : (401, """{"status":401,"title":"Unauthorized","errors":[]}""");
        if (later.Remove(request, out var next))
        {
            answers[request] = next;
        }

        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(body);
    }
}
