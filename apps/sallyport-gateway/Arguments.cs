using System.Diagnostics.CodeAnalysis;

namespace Sallyport.Gateway;

/// <summary>What the gateway is told on its command line; everything else comes from control.</summary>
internal sealed record Arguments(string ControlSocket, string DataDirectory, string Name, IReadOnlyList<string> Logs)
{
    public static bool TryParse(string[] args, [NotNullWhen(true)] out Arguments? arguments, out string problem)
    {
        arguments = null;
        string? control = null, data = null, name = null;
        var logs = new List<string>();
        for (var i = 0; i < args.Length; i += 2)
        {
            if (i + 1 == args.Length)
            {
                problem = $"{args[i]} needs a value";
                return false;
            }

            switch (args[i])
            {
                case "--control":
                    control = args[i + 1];
                    break;
                case "--data":
                    data = args[i + 1];
                    break;
                case "--name":
                    name = args[i + 1];
                    break;
                case "--log":
                    logs.Add(args[i + 1]);
                    break;
                default:
                    problem = $"unknown argument {args[i]}";
                    return false;
            }
        }

        problem = control is null ? "--control is missing" : data is null ? "--data is missing" : name is null ? "--name is missing" : "";
        if (problem.Length > 0)
        {
            return false;
        }

        arguments = new Arguments(control!, data!, name!, logs);
        return true;
    }
}
