using Sallyport.Api.Dns;
using Sallyport.Control.Http;
using Sallyport.Control.Names;
using Sallyport.Control.Store;
using Sallyport.Core.Dns;
using Sallyport.Core.Policy;

namespace Sallyport.Control.Networks;

/// <summary>What a network's names may be set to.</summary>
internal static class DnsInput
{
    private const int ForwardsMax = 32; // domains that somebody keeps apart by hand

    private const string Example = "write it as corp.example=10.0.0.53, or .=9.9.9.9 for all other names";

    /// <summary>Puts what is not null into the row, in canonical spelling.</summary>
    /// <param name="zone">The installation's own, which is never asked elsewhere.</param>
    public static void Apply(NetworkRow row, NetworkDnsInput? input, string zone, ProblemList problems)
    {
        row.DnsServe = input?.Serve ?? row.DnsServe;
        if (input?.Forward is not { } texts)
        {
            return;
        }

        if (texts.Count > ForwardsMax)
        {
            problems.Add("dns.forward", $"{texts.Count} domains are too many", $"a network has at most {ForwardsMax}");
            return;
        }

        var forwards = new List<DnsForward>();
        for (var i = 0; i < texts.Count; i++)
        {
            var field = $"dns.forward[{i}]";
            if (!ForwardText.TryParse(texts[i] ?? "", out var forward, out var problem))
            {
                problems.Add(field, $"'{Label.Shorten(texts[i] ?? "")}' cannot be read: {Label.Shorten(problem)}", Example);
            }
            else if (forward.Domain.Length > 0 && DnsName.IsWithin(forward.Domain, zone))
            {
                problems.Add(field, $"{forward.Domain} lies in {zone}, whose names the gateway knows itself", "name another domain");
            }
            else if (forwards.Exists(other => other.Domain == forward.Domain))
            {
                problems.Add(field, $"{Shown(forward)} is there twice", "give its servers with commas between: corp.example=10.0.0.53,10.0.0.54");
            }
            else
            {
                forwards.Add(forward);
            }
        }

        row.DnsForwardJson = Column.Of([.. forwards.Select(ForwardText.Write)]);
    }

    private static string Shown(DnsForward forward) => forward.Domain.Length == 0 ? "." : forward.Domain;
}
