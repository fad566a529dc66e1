using Sallyport.Api.Devices;
using Sallyport.Control.Applications;
using Sallyport.Control.Changes;
using Sallyport.Control.Http;
using Sallyport.Control.Names;
using Sallyport.Control.Networks;
using Sallyport.Control.Policies;
using Sallyport.Core.Policy;

namespace Sallyport.Control.Identities;

/// <summary>How far somebody is to be shut out, read from what people write.</summary>
/// <param name="Application">With "forensic".</param>
/// <param name="Rate">With "throttled": bits a second.</param>
internal sealed record QuarantineInput(string Degree, long? Until, ApplicationRow? Application, long? Rate)
{
    private const long DefaultRate = 64_000;

    public static QuarantineInput Read(Change change, QuarantineRequest request, ProblemList problems)
    {
        var degree = NetworkInput.ReadOne(request.Degree ?? QuarantineWords.Dark, "degree", "degree of quarantine", QuarantineWords.All, problems) ?? QuarantineWords.Dark;
        var until = RuleTimes.ReadUntil(request.Until, request.For, change.Now, problems);
        var application = request.Application is null ? null : Lookup.Application(change.Sql, request.Application).OrProblem("application", problems);
        var rate = LimitReading.ReadRate(request.Rate, "rate", problems);
        if ((degree == "forensic") != (request.Application is not null))
        {
            problems.Add(
                "application", degree == "forensic" ? "the one application that is left is missing" : $"an application is named, and the degree is {degree}",
                degree == "forensic" ? "name the capture or update target: application historian" : "leave it out, or use the degree forensic");
        }

        if (request.Rate is not null && degree != "throttled")
        {
            problems.Add("rate", $"a rate is given, and the degree is {degree}", "leave it out, or use the degree throttled");
        }
        else if (rate == 0)
        {
            problems.Add("rate", "what is throttled has a rate", "give one, such as 64kbit, or release it");
        }

        if (application is not null)
        {
            change.Actor.Require(Users.Right.See, application.NetworkId);
        }

        return new QuarantineInput(degree, until, application, degree == "throttled" ? rate ?? DefaultRate : null);
    }
}
