using System.Reflection;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Dapper;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.OpenApi;
using Sallyport.Api;
using Sallyport.Api.Nodes;
using Sallyport.Control.Applications;
using Sallyport.Control.Audit;
using Sallyport.Control.Changes;
using Sallyport.Control.Credentials;
using Sallyport.Control.Devices;
using Sallyport.Control.Events;
using Sallyport.Control.Dns;
using Sallyport.Control.FleetFiles;
using Sallyport.Control.Flows;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Ipsec;
using Sallyport.Control.Keys;
using Sallyport.Control.Locks;
using Sallyport.Control.Networks;
using Sallyport.Control.Nodes;
using Sallyport.Control.Pki;
using Sallyport.Control.Policies;
using Sallyport.Control.Policies.Access;
using Sallyport.Control.Policies.Learning;
using Sallyport.Control.Policies.Linting;
using Sallyport.Control.Policies.Mud;
using Sallyport.Control.Policies.Replaying;
using Sallyport.Control.Secrets;
using Sallyport.Control.Sites;
using Sallyport.Control.Store;
using Sallyport.Control.Tunnels;
using Sallyport.Control.Users;

namespace Sallyport.Control;

/// <summary>
/// Control, opened on a data directory: the first start makes the databases, the keys, the authority and the administrator's token.
/// Open it before the web server is built (its certificate comes from here), then <see cref="ControlHosting.AddSallyportControl"/>
/// and <see cref="ControlHosting.MapSallyportControl"/>. One process at a time per directory; the caller holds the lock.
/// </summary>
public sealed class ControlHost : IDisposable
{
    private ControlHost(ControlOptions options, TimeProvider time, MasterKey master, Database fleet, Database traffic)
    {
        Options = options;
        Time = time;
        Fleet = fleet;
        Traffic = new TrafficDatabase(traffic);
        Envelope = new Envelope(master);
        var secrets = new SecretStore(Envelope);
        Audit = AuditTrail.Open(fleet, secrets, new AuditHeadFile(options.AuditHeadFile));
        Authority = CertificateAuthority.Open(fleet, secrets, time, options.Lifetimes);
        Keys = GatewayKeys.Open(fleet, secrets);
        Countries = LoadCountries(options, fleet);
        var settings = Keys.AddTo(options.Gateway) with { CountryTable = Countries.Hash, IkeIdentity = options.Endpoint };
        Loader = new FleetLoader(Envelope);
        NoteSettings(settings);
        Feed = new ChangeFeed(fleet, Loader, Countries, settings);
        Tunnels = new TunnelRegistry(Feed);
        Commands = new Commands(fleet, Audit, Loader, Feed, new RouteNews(Tunnels), time);
        Drafts = new Drafts(fleet, Commands, Feed, time);
        Tokens = Tokens.Open(fleet, Commands, options.TokenFile);
        SecretFile.Write(
            options.RootCertificateFile,
            Encoding.ASCII.GetBytes(Authority.Root.ExportCertificatePem() + "\n"),
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
    }

    /// <summary>"0.1.0".</summary>
    public static string SoftwareVersion { get; } =
        typeof(ControlHost).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    public ControlOptions Options { get; }

    /// <summary>For the chain that the HTTPS server sends.</summary>
    public X509Certificate2 IssuingCertificate => Authority.Issuing;

    internal TimeProvider Time { get; }

    internal Database Fleet { get; }

    internal TrafficDatabase Traffic { get; }

    internal Envelope Envelope { get; }

    internal CertificateAuthority Authority { get; }

    internal AuditTrail Audit { get; }

    internal GatewayKeys Keys { get; }

    internal FleetLoader Loader { get; }

    internal ChangeFeed Feed { get; }

    internal CountryTable Countries { get; }

    internal TunnelRegistry Tunnels { get; }

    internal Commands Commands { get; }

    internal Drafts Drafts { get; }

    internal Tokens Tokens { get; }

    public static ControlHost Open(ControlOptions options, TimeProvider time)
    {
        Directory.CreateDirectory(options.DataDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var master = MasterKey.LoadOrCreate(options.MasterKeyFile, File.Exists(options.FleetFile));
        Database? fleet = null, traffic = null;
        try
        {
            fleet = Database.Open(options.FleetFile, Durability.Full, FleetSchema.Migrations);
            master = MasterKeyRotation.Settle(master, options.MasterKeyFile, fleet);
            traffic = Database.Open(options.TrafficFile, Durability.Normal, TrafficSchema.Migrations);
            return new ControlHost(options, time, master, fleet, traffic);
        }
        catch
        {
            traffic?.Dispose();
            fleet?.Dispose();
            master.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The certificate of the HTTPS API with its key: renewed when it is due, so ask again now and then (Kestrel's ServerCertificateSelector
    /// or a restart does).
    /// </summary>
    public X509Certificate2 ServerCertificate()
    {
        string[] names = [Options.Endpoint, .. Options.ApiNames, "localhost", "127.0.0.1", "::1"];
        return Authority.ServerCertificate([.. names.Distinct(StringComparer.OrdinalIgnoreCase)]);
    }

    public void Dispose()
    {
        Drafts.Dispose();
        Traffic.Database.Dispose();
        Fleet.Dispose();
        Envelope.Dispose();
    }

    /// <summary>What was found wrong with the audit trail is in the trail before anything else is done.</summary>
    internal void NoteAuditTrail()
    {
        if (Audit.IsBroken)
        {
            Commands.Run(Users.Actor.System, change =>
            {
                change.NoteAuditTrail();
                return true;
            });
        }
    }

    /// <summary>Without its table a rule that denies a country would deny nothing, and nobody would see it.</summary>
    private static CountryTable LoadCountries(ControlOptions options, Database fleet)
    {
        var table = options.CountryTable is null ? CountryTable.Empty : CountryTable.Load(options.CountryTable);
        var missing = fleet.Read(sql => RuleRow.All(sql)
            .SelectMany(rule => (rule.Conditions?.Countries ?? []).Where(code => !table.Has(code)).Select(code => (Rule: rule.Id, Code: code))).ToList());
        if (missing.Count == 0)
        {
            return table;
        }

        // A rule that denies a country without addresses would deny nothing, and nobody would see it.
        var codes = string.Join(", ", missing.Select(one => one.Code).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
        var rules = string.Join(", ", missing.Select(one => one.Rule).Distinct().Order().Take(10));
        var place = options.CountryTable is null ? "there is no table of countries" : $"the table of countries {options.CountryTable} does not have it";
        throw new InvalidOperationException(
            $"A rule looks at countries ({codes}), and {place}. Set country_table to a file that has {codes}, such as the one that was used before. To do without: start with such a file "
            + $"(of each country one line is enough), take the countries out of the rules ({rules}): sallyport rule update NUMBER --country any, and start again.");
    }

    /// <summary>Gateways that come back get the whole model where the settings are others than at the last start.</summary>
    private void NoteSettings(GatewaySettings settings) => Fleet.Write(sql =>
    {
        if (!SettingsNote.Write(sql, settings))
        {
            return false;
        }

        var at = Time.NowNanoseconds();
        sql.Execute(
            "INSERT INTO changes (version, kind, id, at) VALUES (@version, @kind, 0, @at)",
            new { version = FleetLoader.NextVersion(sql, at), kind = nameof(ChangeKind.Settings), at });
        return true;
    });
}

/// <summary>Puts control into a web application.</summary>
public static class ControlHosting
{
    /// <summary>The caller keeps and disposes <paramref name="control"/>, after the application.</summary>
    public static IServiceCollection AddSallyportControl(this IServiceCollection services, ControlHost control)
    {
        services.TryAddSingleton(control.Time);
        services.AddSingleton(control);
        services.AddSingleton(control.Options);
        services.AddSingleton(control.Fleet);
        services.AddSingleton(control.Traffic);
        services.AddSingleton(control.Envelope);
        services.AddSingleton(control.Authority);
        services.AddSingleton(control.Audit);
        services.AddSingleton(control.Keys);
        services.AddSingleton(control.Feed);
        services.AddSingleton(control.Countries);
        services.AddSingleton(control.Commands);
        services.AddSingleton(control.Tokens);
        services.AddSingleton<GatewayLinks>();
        services.AddSingleton(control.Tunnels);
        services.AddSingleton<TrafficLog>();
        services.AddSingleton<Cuts>();
        services.AddSingleton<CertificateIssuer>();
        services.AddSingleton<IpsecIssuer>();
        services.AddSingleton<CredentialIssuer>();
        services.AddSingleton<NetworkCommands>();
        services.AddSingleton<NetworkEffects>();
        services.AddSingleton<IdentityCommands>();
        services.AddSingleton<IdentityQueries>();
        services.AddSingleton<CredentialCommands>();
        services.AddSingleton<TunnelCommands>();
        services.AddSingleton<ApplicationCommands>();
        services.AddSingleton<RuleCommands>();
        services.AddSingleton<FleetFileCommands>();
        services.AddSingleton<FleetExport>();
        services.AddSingleton<LockCommands>();
        services.AddSingleton<LockKeeper>();
        services.AddSingleton<PolicyModels>();
        services.AddSingleton<QuarantineKeeper>();
        services.AddSingleton<VolumeTable>();
        services.AddSingleton<PolicyQueries>();
        services.AddSingleton<ReachQueries>();
        services.AddSingleton(control.Loader);
        services.AddSingleton(control.Drafts);
        services.AddSingleton<ReplayQueries>();
        services.AddSingleton<AllowCommands>();
        services.AddSingleton<LearnQueries>();
        services.AddSingleton<MudQueries>();
        services.AddSingleton<LintQueries>();
        services.AddSingleton<WhoisQueries>();
        services.AddSingleton<FlowQueries>();
        services.AddSingleton<FlowReasons>();
        services.AddSingleton<DnsQueries>();
        services.AddSingleton<KeyCommands>();
        services.AddSingleton<MetricsText>();
        services.AddHostedService(provider => provider.GetRequiredService<TrafficLog>());
        services.AddHostedService<NodeServer>();
        services.AddHostedService(provider => provider.GetRequiredService<LockKeeper>());
        services.AddHostedService(provider => provider.GetRequiredService<QuarantineKeeper>());
        services.Configure<JsonOptions>(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, ApiJson.Default));
        services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
        services.AddRouting();
        services.AddOpenApi("v1", options => options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info.Title = "Sallyport";
            document.Info.Version = "v1";
            document.Components ??= new OpenApiComponents();
            document.AddComponent("bearer", new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer" });
            document.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference("bearer", document)] = [] }];
            return Task.CompletedTask;
        }));
        return services;
    }

    public static WebApplication MapSallyportControl(this WebApplication app)
    {
        app.UseMiddleware<ApiMiddleware>();
        app.UseRouting();
        var api = app.MapGroup("/api/v1").AddEndpointFilter<AnswerWhenEnforced>();
        api.MapStatus();
        api.MapNetworks();
        api.MapSites();
        api.MapDevices();
        api.MapCredentials();
        api.MapApplications();
        api.MapPolicies();
        api.MapReach();
        api.MapLocks();
        api.MapFleetFiles();
        api.MapTunnels();
        api.MapFlows();
        api.MapDns();
        api.MapEvents();
        api.MapAudit();
        api.MapKeys();
        app.MapHealth();
        app.MapOpenApi();

        // The log of events listens by now, so that operators are told.
        app.Services.GetRequiredService<TrafficLog>();
        app.Services.GetRequiredService<ControlHost>().NoteAuditTrail();
        return app;
    }
}
