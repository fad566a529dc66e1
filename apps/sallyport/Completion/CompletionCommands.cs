using System.CommandLine;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Completion;

/// <summary>Prints a script for the shell; the script asks this tool, so it never grows stale.</summary>
internal static class CompletionCommands
{
    private const string Bash = """
        # sallyport: source <(sallyport completion bash)
        _sallyport() {
            local IFS=$'\n'
            COMPREPLY=($(sallyport "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null | grep -- "^${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _sallyport sallyport
        """;

    private const string Zsh = """
        #compdef sallyport
        # sallyport: source <(sallyport completion zsh)
        _sallyport() {
            local -a answers
            answers=("${(@f)$(sallyport "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
            compadd -a answers
        }
        compdef _sallyport sallyport
        """;

    public static Command Build(Shell shell) => Shell.Noun(
        "completion",
        "Completion for a shell: source <(sallyport completion bash)",
        shell.Local("bash", "For bash", (_, printer) => Print(printer, Bash)),
        shell.Local("zsh", "For zsh", (_, printer) => Print(printer, Zsh)));

    private static int Print(Printer printer, string script)
    {
        printer.Raw(script + "\n");
        return ExitCodes.Ok;
    }
}
