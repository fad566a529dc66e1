using System.Diagnostics;
using Sallyport.Cli;

namespace Sallyport.Apps.Tests.Cli.Completion;

/// <summary>The scripts in the shells that they are for, with the program's own answers.</summary>
[Collection("console")]
public sealed class CompletionTests
{
    private const string Bash = """
        COMP_LINE="$1"; COMP_POINT=${#COMP_LINE}; read -ra COMP_WORDS <<<"$COMP_LINE"
        [[ $COMP_LINE == *" " ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _sallyport
        printf '%s ' "${COMPREPLY[@]}"
        """;

    [Theory]
    [InlineData("sallyport de", "device ")]
    [InlineData("sallyport device re", "release remove revoke ")]
    [InlineData("sallyport device ", "add list posture profile quarantine release remove revoke show update ")]
    [InlineData("sallyport device add --ne", "--network ")]
    [InlineData("sallyport device list -o j", "json ")]
    [InlineData("sallyport device list --", "--ca --data --group --help --label --network --output --presence --state --timeout --token --url ")]
    public void Bash_completes_commands_and_flags(string line, string answers)
    {
        var script = $"sallyport() {{ dotnet \"$SALLYPORT_DLL\" \"$@\"; }}\nsource <(sallyport completion bash)\n{Bash}";
        Run("bash", ["--norc", "-c", script, "bash", line]).ShouldBe(answers);
    }

    private static string Run(string shell, string[] arguments)
    {
        var start = new ProcessStartInfo(shell, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["SALLYPORT_DLL"] = typeof(Program).Assembly.Location;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        (output + errors.Result).ShouldBe(output);
        return output;
    }
}
