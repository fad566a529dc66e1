using System.CommandLine;
using Sallyport.Cli.Output;

namespace Sallyport.Cli.Completion;

/// <summary>Prints a script for the shell; the script asks this tool, so it never grows stale.</summary>
internal static class CompletionCommands
{
    // A word that begins like a flag is completed to flags, any other to commands; the parser offers both, and every way to ask for help.
    private const string Bash = """
        # sallyport: source <(sallyport completion bash)
        _sallyport() {
            local word="${COMP_WORDS[COMP_CWORD]}" answer
            COMPREPLY=()
            while IFS= read -r answer; do
                case "$answer" in
                    [-/]*) [[ $word == -* && $answer == --* ]] || continue ;;
                esac
                [[ $answer == "$word"* ]] && COMPREPLY+=("$answer")
            done < <(sallyport "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)
        }
        complete -o default -F _sallyport sallyport
        """;

    private const string Zsh = """
        #compdef sallyport
        # sallyport: source <(sallyport completion zsh)
        _sallyport() {
            local word="${words[CURRENT]}" line="${(j: :)words[1,CURRENT]}"
            local -a answers
            answers=("${(@f)$(sallyport "[suggest:${#line}]" "${line}" 2>/dev/null)}")
            if [[ $word == -* ]]; then
                answers=(${(M)answers:#--*})
            else
                answers=(${answers:#[-/]*})
            fi
            if (( ${#answers} )); then
                compadd -a answers
            else
                _files
            fi
        }
        (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
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
