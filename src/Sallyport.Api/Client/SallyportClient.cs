using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.ServerSentEvents;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Sallyport.Api.Applications;
using Sallyport.Api.Audit;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Dns;
using Sallyport.Api.Events;
using Sallyport.Api.Fleets;
using Sallyport.Api.Flows;
using Sallyport.Api.Gateways;
using Sallyport.Api.Keys;
using Sallyport.Api.Networks;
using Sallyport.Api.Paging;
using Sallyport.Api.Policy;
using Sallyport.Api.Problems;
using Sallyport.Api.Locks;
using Sallyport.Api.Rules;
using Sallyport.Api.Sites;
using Sallyport.Api.Tunnels;

namespace Sallyport.Api.Client;

/// <summary>
/// The REST API, typed. Names are "pump-17", or "pump-17.plant-a" where two networks have one of that name.
/// A refusal is an <see cref="ApiException"/>; a server that cannot be reached an <see cref="HttpRequestException"/>.
/// </summary>
public sealed class SallyportClient : IDisposable
{
    private readonly HttpClient http;

    public SallyportClient(ClientOptions options)
        : this(new HttpClient(HandlerOf(options)) { BaseAddress = options.BaseAddress, Timeout = options.Timeout }, options.Token)
    {
    }

    /// <summary>On a client that somebody else made, such as a test server's; it is disposed with this.</summary>
    public SallyportClient(HttpClient http, string token)
    {
        this.http = http;
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        http.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
    }

    public Task<StatusInfo> GetStatusAsync(CancellationToken cancel = default) => GetAsync("status", ApiJson.Default.StatusInfo, cancel);

    // Networks

    public Task<NetworkInfo> AddNetworkAsync(NetworkCreate network, CancellationToken cancel = default) =>
        PostAsync("networks", network, ApiJson.Default.NetworkCreate, ApiJson.Default.NetworkInfo, cancel);

    public Task<Page<NetworkInfo>> ListNetworksAsync(int? limit = null, string? cursor = null, CancellationToken cancel = default) =>
        GetAsync("networks" + Query(("limit", limit), ("cursor", cursor)), ApiJson.Default.PageNetworkInfo, cancel);

    public Task<NetworkInfo> GetNetworkAsync(string name, CancellationToken cancel = default) =>
        GetAsync("networks/" + Segment(name), ApiJson.Default.NetworkInfo, cancel);

    public Task<NetworkInfo> UpdateNetworkAsync(string name, NetworkUpdate update, long? revision = null, CancellationToken cancel = default) =>
        PatchAsync("networks/" + Segment(name), update, ApiJson.Default.NetworkUpdate, ApiJson.Default.NetworkInfo, revision, cancel);

    public Task DeleteNetworkAsync(string name, CancellationToken cancel = default) => DeleteAsync("networks/" + Segment(name), cancel);

    // Sites

    public Task<SiteCreated> AddSiteAsync(SiteCreate site, CancellationToken cancel = default) =>
        PostAsync("sites", site, ApiJson.Default.SiteCreate, ApiJson.Default.SiteCreated, cancel);

    public Task<Page<SiteInfo>> ListSitesAsync(string? network = null, int? limit = null, string? cursor = null, CancellationToken cancel = default) =>
        GetAsync("sites" + Query(("network", network), ("limit", limit), ("cursor", cursor)), ApiJson.Default.PageSiteInfo, cancel);

    public Task<SiteInfo> GetSiteAsync(string name, CancellationToken cancel = default) =>
        GetAsync("sites/" + Segment(name), ApiJson.Default.SiteInfo, cancel);

    public Task<SiteInfo> UpdateSiteAsync(string name, SiteUpdate update, long? revision = null, CancellationToken cancel = default) =>
        PatchAsync("sites/" + Segment(name), update, ApiJson.Default.SiteUpdate, ApiJson.Default.SiteInfo, revision, cancel);

    public Task<ProfileIssued> IssueSiteProfileAsync(string name, ProfileRequest request, CancellationToken cancel = default) =>
        PostAsync($"sites/{Segment(name)}/profile", request, ApiJson.Default.ProfileRequest, ApiJson.Default.ProfileIssued, cancel);

    public Task<CutResult> RevokeSiteAsync(string name, string? reason, CancellationToken cancel = default) =>
        PostAsync($"sites/{Segment(name)}/revoke", new ReasonRequest(reason), ApiJson.Default.ReasonRequest, ApiJson.Default.CutResult, cancel);

    public Task<CutResult> QuarantineSiteAsync(string name, string? reason, CancellationToken cancel = default) =>
        QuarantineSiteToAsync(name, new QuarantineRequest { Reason = reason }, cancel);

    public Task<CutResult> QuarantineSiteToAsync(string name, QuarantineRequest request, CancellationToken cancel = default) =>
        PostAsync($"sites/{Segment(name)}/quarantine", request, ApiJson.Default.QuarantineRequest, ApiJson.Default.CutResult, cancel);

    public Task<SiteInfo> ReportSitePostureAsync(string name, PostureUpdate facts, CancellationToken cancel = default) =>
        PutAsync($"sites/{Segment(name)}/posture", facts, ApiJson.Default.PostureUpdate, ApiJson.Default.SiteInfo, cancel);

    public Task<SiteInfo> ReleaseSiteAsync(string name, string? reason, CancellationToken cancel = default) =>
        PostAsync($"sites/{Segment(name)}/release", new ReasonRequest(reason), ApiJson.Default.ReasonRequest, ApiJson.Default.SiteInfo, cancel);

    public Task<CutResult> DeleteSiteAsync(string name, CancellationToken cancel = default) =>
        DeleteAsync("sites/" + Segment(name), ApiJson.Default.CutResult, cancel);

    // Devices

    public Task<DeviceCreated> AddDeviceAsync(DeviceCreate device, CancellationToken cancel = default) =>
        PostAsync("devices", device, ApiJson.Default.DeviceCreate, ApiJson.Default.DeviceCreated, cancel);

    /// <summary><paramref name="label"/> is "model=P200"; <paramref name="state"/> and <paramref name="presence"/> as in <see cref="DeviceInfo"/>.</summary>
    public Task<Page<DeviceInfo>> ListDevicesAsync(
        string? network = null, string? group = null, string? label = null, string? state = null, string? presence = null,
        int? limit = null, string? cursor = null, CancellationToken cancel = default) =>
        GetAsync(
            "devices" + Query(
                ("network", network), ("group", group), ("label", label), ("state", state), ("presence", presence), ("limit", limit),
                ("cursor", cursor)),
            ApiJson.Default.PageDeviceInfo,
            cancel);

    public Task<DeviceInfo> GetDeviceAsync(string name, CancellationToken cancel = default) =>
        GetAsync("devices/" + Segment(name), ApiJson.Default.DeviceInfo, cancel);

    public Task<DeviceInfo> UpdateDeviceAsync(string name, DeviceUpdate update, long? revision = null, CancellationToken cancel = default) =>
        PatchAsync("devices/" + Segment(name), update, ApiJson.Default.DeviceUpdate, ApiJson.Default.DeviceInfo, revision, cancel);

    public Task<ProfileIssued> IssueDeviceProfileAsync(string name, ProfileRequest request, CancellationToken cancel = default) =>
        PostAsync($"devices/{Segment(name)}/profile", request, ApiJson.Default.ProfileRequest, ApiJson.Default.ProfileIssued, cancel);

    public Task<CutResult> RevokeDeviceAsync(string name, string? reason, CancellationToken cancel = default) =>
        PostAsync($"devices/{Segment(name)}/revoke", new ReasonRequest(reason), ApiJson.Default.ReasonRequest, ApiJson.Default.CutResult, cancel);

    public Task<CutResult> QuarantineDeviceAsync(string name, string? reason, CancellationToken cancel = default) =>
        QuarantineDeviceToAsync(name, new QuarantineRequest { Reason = reason }, cancel);

    public Task<CutResult> QuarantineDeviceToAsync(string name, QuarantineRequest request, CancellationToken cancel = default) =>
        PostAsync($"devices/{Segment(name)}/quarantine", request, ApiJson.Default.QuarantineRequest, ApiJson.Default.CutResult, cancel);

    public Task<DeviceInfo> ReportDevicePostureAsync(string name, PostureUpdate facts, CancellationToken cancel = default) =>
        PutAsync($"devices/{Segment(name)}/posture", facts, ApiJson.Default.PostureUpdate, ApiJson.Default.DeviceInfo, cancel);

    public Task<DeviceInfo> ReleaseDeviceAsync(string name, string? reason, CancellationToken cancel = default) =>
        PostAsync($"devices/{Segment(name)}/release", new ReasonRequest(reason), ApiJson.Default.ReasonRequest, ApiJson.Default.DeviceInfo, cancel);

    public Task<CutResult> DeleteDeviceAsync(string name, CancellationToken cancel = default) =>
        DeleteAsync("devices/" + Segment(name), ApiJson.Default.CutResult, cancel);

    // Credentials

    /// <summary>Of one device or site where given ("device:pump-17", "site:hq"), or that came with one tls-crypt-v2 key; revoked ones too where asked for.</summary>
    public Task<Page<CredentialInfo>> ListCredentialsAsync(
        string? owner = null, int? key = null, bool revoked = false, int? limit = null, string? cursor = null, CancellationToken cancel = default) =>
        GetAsync(
            "credentials" + Query(("owner", owner), ("key", key), ("revoked", revoked ? "true" : null), ("limit", limit), ("cursor", cursor)),
            ApiJson.Default.PageCredentialInfo,
            cancel);

    public Task<CutResult> RevokeCredentialAsync(int id, string? reason, CancellationToken cancel = default) =>
        PostAsync($"credentials/{Number(id)}/revoke", new ReasonRequest(reason), ApiJson.Default.ReasonRequest, ApiJson.Default.CutResult, cancel);

    // Applications

    public Task<ApplicationInfo> AddApplicationAsync(ApplicationCreate application, CancellationToken cancel = default) =>
        PostAsync("applications", application, ApiJson.Default.ApplicationCreate, ApiJson.Default.ApplicationInfo, cancel);

    public Task<Page<ApplicationInfo>> ListApplicationsAsync(
        string? network = null, int? limit = null, string? cursor = null, CancellationToken cancel = default) =>
        GetAsync("applications" + Query(("network", network), ("limit", limit), ("cursor", cursor)), ApiJson.Default.PageApplicationInfo, cancel);

    public Task<ApplicationInfo> GetApplicationAsync(string name, CancellationToken cancel = default) =>
        GetAsync("applications/" + Segment(name), ApiJson.Default.ApplicationInfo, cancel);

    public Task<ApplicationInfo> UpdateApplicationAsync(string name, ApplicationUpdate update, long? revision = null, CancellationToken cancel = default) =>
        PatchAsync("applications/" + Segment(name), update, ApiJson.Default.ApplicationUpdate, ApiJson.Default.ApplicationInfo, revision, cancel);

    public Task DeleteApplicationAsync(string name, CancellationToken cancel = default) => DeleteAsync("applications/" + Segment(name), cancel);

    // Rules and policy

    public Task<RuleInfo> AddRuleAsync(RuleCreate rule, CancellationToken cancel = default) =>
        PostAsync("rules", rule, ApiJson.Default.RuleCreate, ApiJson.Default.RuleInfo, cancel);

    public Task<Page<RuleInfo>> ListRulesAsync(string? network = null, int? limit = null, string? cursor = null, CancellationToken cancel = default) =>
        GetAsync("rules" + Query(("network", network), ("limit", limit), ("cursor", cursor)), ApiJson.Default.PageRuleInfo, cancel);

    public Task<RuleInfo> GetRuleAsync(int id, CancellationToken cancel = default) => GetAsync("rules/" + Number(id), ApiJson.Default.RuleInfo, cancel);

    public Task<RuleInfo> UpdateRuleAsync(int id, RuleUpdate update, long? revision = null, CancellationToken cancel = default) =>
        PatchAsync("rules/" + Number(id), update, ApiJson.Default.RuleUpdate, ApiJson.Default.RuleInfo, revision, cancel);

    public Task<CutResult> DeleteRuleAsync(int id, CancellationToken cancel = default) =>
        DeleteAsync("rules/" + Number(id), ApiJson.Default.CutResult, cancel);

    public Task<LockInfo> AddLockAsync(LockCreate made, CancellationToken cancel = default) =>
        PostAsync("locks", made, ApiJson.Default.LockCreate, ApiJson.Default.LockInfo, cancel);

    public Task<Page<LockInfo>> ListLocksAsync(string? network = null, int? limit = null, string? cursor = null, CancellationToken cancel = default) =>
        GetAsync("locks" + Query(("network", network), ("limit", limit), ("cursor", cursor)), ApiJson.Default.PageLockInfo, cancel);

    public Task<LockInfo> GetLockAsync(int id, CancellationToken cancel = default) => GetAsync("locks/" + Number(id), ApiJson.Default.LockInfo, cancel);

    public Task DeleteLockAsync(int id, CancellationToken cancel = default) => DeleteAsync("locks/" + Number(id), cancel);

    /// <summary><paramref name="from"/> is "device:pump-17" or "site:hq", <paramref name="protocol"/> "tcp", "udp" or "icmp"; hours and ends count as of a time, null for now.</summary>
    public Task<PolicyExplanation> ExplainAsync(
        string from, string to, string protocol, int port, DateTimeOffset? at = null, CancellationToken cancel = default) =>
        GetAsync(
            "policy/explain" + Query(("from", from), ("to", to), ("protocol", protocol), ("port", port), ("at", Moment(at))),
            ApiJson.Default.PolicyExplanation,
            cancel);

    /// <summary>Who may reach "application:historian", or one service of it ("tcp/8883"), at a time; null for now.</summary>
    public Task<ReachPage> WhoCanReachAsync(
        string to, string? service = null, DateTimeOffset? at = null, int? limit = null, string? cursor = null, CancellationToken cancel = default) =>
        GetAsync(
            "policy/who-can-reach" + Query(("to", to), ("service", service), ("at", Moment(at)), ("limit", limit), ("cursor", cursor)),
            ApiJson.Default.ReachPage,
            cancel);

    /// <summary>What "device:pump-17", "site:hq" or "host:plant-a" may reach.</summary>
    public Task<ReachPage> ReachOfAsync(
        string from, DateTimeOffset? at = null, int? limit = null, string? cursor = null, CancellationToken cancel = default) =>
        GetAsync(
            "policy/reach" + Query(("from", from), ("at", Moment(at)), ("limit", limit), ("cursor", cursor)), ApiJson.Default.ReachPage, cancel);

    /// <summary>What everybody may reach.</summary>
    public Task<ReachPage> ListAccessAsync(
        string? network = null, DateTimeOffset? at = null, int? limit = null, string? cursor = null, CancellationToken cancel = default) =>
        GetAsync(
            "policy/access" + Query(("network", network), ("at", Moment(at)), ("limit", limit), ("cursor", cursor)), ApiJson.Default.ReachPage, cancel);

    /// <summary>The same as comma-separated values, which no spreadsheet takes for formulas.</summary>
    public Task ExportAccessAsync(Stream destination, string? network = null, DateTimeOffset? at = null, CancellationToken cancel = default) =>
        CopyAsync("policy/access/csv" + Query(("network", network), ("at", Moment(at))), destination, cancel);

    /// <summary>Which recorded flows a draft would newly block or allow. Changes nothing.</summary>
    public Task<ReplayReport> ReplayAsync(ReplayRequest request, CancellationToken cancel = default) =>
        PostAsync("policy/replay", request, ApiJson.Default.ReplayRequest, ApiJson.Default.ReplayReport, cancel);

    /// <summary>A plan of the smallest rules that cover what "device:pump-17", "group:pumps" or "label:model=P200" was observed to do.</summary>
    public Task<LearnPlan> LearnAsync(
        string subject, string? network = null, int? days = null, bool denied = false, CancellationToken cancel = default) =>
        GetAsync(
            "policy/learn" + Query(("subject", subject), ("network", network), ("days", days), ("denied", denied ? "true" : null)),
            ApiJson.Default.LearnPlan,
            cancel);

    /// <summary>What a manufacturer's usage description means here, as rules to review.</summary>
    public Task<MudPlan> PlanMudAsync(MudRequest request, CancellationToken cancel = default) =>
        PostAsync("policy/mud", request, ApiJson.Default.MudRequest, ApiJson.Default.MudPlan, cancel);

    /// <summary>What is wrong with the rules, or could be narrower.</summary>
    public Task<LintReport> LintAsync(string? network = null, int? days = null, CancellationToken cancel = default) =>
        GetAsync("policy/lint" + Query(("network", network), ("days", days)), ApiJson.Default.LintReport, cancel);

    /// <param name="address">A handle, or with <paramref name="network"/> an address inside that network.</param>
    /// <param name="port">Of a guest who shares the address with others.</param>
    /// <param name="at">Who had it then; null for who has it now.</param>
    public Task<WhoisInfo> WhoisAsync(
        string address, string? network = null, int? port = null, DateTimeOffset? at = null, CancellationToken cancel = default) =>
        GetAsync(
            "whois" + Query(
                ("address", address), ("network", network), ("port", port?.ToString(CultureInfo.InvariantCulture)), ("at", Moment(at))),
            ApiJson.Default.WhoisInfo, cancel);

    // Fleet files

    public Task<FleetPlan> PlanFleetAsync(ReadOnlyMemory<byte> file, bool prune = false, CancellationToken cancel = default) =>
        SendFileAsync("fleet/plan", file, prune, null, cancel);

    /// <param name="version">Of the plan that it was decided on; null where nobody decided on one.</param>
    public Task<FleetPlan> ApplyFleetAsync(ReadOnlyMemory<byte> file, bool prune = false, long? version = null, CancellationToken cancel = default) =>
        SendFileAsync("fleet/apply", file, prune, version, cancel);

    /// <summary>The fleet, or one network of it, as a file: YAML, or the same as JSON.</summary>
    public async Task<string> ExportFleetAsync(string? network = null, bool asJson = false, CancellationToken cancel = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Path("fleet/export" + Query(("network", network), ("format", asJson ? "json" : null))));
        using var response = await SendAsync(request, HttpCompletionOption.ResponseContentRead, cancel);
        return await response.Content.ReadAsStringAsync(cancel);
    }

    // Tunnels, flows, events, gateways

    public Task<Page<TunnelInfo>> ListTunnelsAsync(
        string? network = null, bool ended = false, int? limit = null, string? cursor = null, CancellationToken cancel = default) =>
        GetAsync(
            "tunnels" + Query(("network", network), ("ended", ended ? "true" : null), ("limit", limit), ("cursor", cursor)),
            ApiJson.Default.PageTunnelInfo,
            cancel);

    /// <summary>Of "device:pump-17" or "site:hq", which has one for each of its uplinks.</summary>
    public Task<Page<TunnelInfo>> ListTunnelsOfAsync(string owner, bool ended = false, CancellationToken cancel = default) =>
        GetAsync("tunnels" + Query(("owner", owner), ("ended", ended ? "true" : null)), ApiJson.Default.PageTunnelInfo, cancel);

    /// <summary>Ends the tunnel of "device:pump-17" or "site:hq", which may come again; answers it as it was.</summary>
    public Task<TunnelInfo> DisconnectTunnelAsync(string owner, string? reason, CancellationToken cancel = default) =>
        PostAsync(
            $"tunnels/{Segment(owner)}/disconnect", new ReasonRequest(reason), ApiJson.Default.ReasonRequest, ApiJson.Default.TunnelInfo, cancel);

    /// <summary>Newest first. <paramref name="verdict"/> is "allowed" or "denied".</summary>
    public Task<Page<FlowInfo>> ListFlowsAsync(
        string? device = null, string? site = null, string? network = null, string? verdict = null, int? limit = null, string? cursor = null,
        string? host = null, string? state = null, CancellationToken cancel = default) =>
        GetAsync(
            "flows" + Query(
                ("device", device), ("site", site), ("host", host), ("network", network), ("verdict", verdict), ("state", state), ("limit", limit), ("cursor", cursor)),
            ApiJson.Default.PageFlowInfo,
            cancel);

    public Task<FlowInfo> GetFlowAsync(long id, CancellationToken cancel = default) =>
        GetAsync("flows/" + id.ToString(CultureInfo.InvariantCulture), ApiJson.Default.FlowInfo, cancel);

    /// <summary>Adds the narrowest rule that allows what a denied flow asked for, and the application where there is none.</summary>
    public Task<FlowAllowed> AllowFlowAsync(long id, FlowAllow allow, CancellationToken cancel = default) =>
        PostAsync(
            $"flows/{id.ToString(CultureInfo.InvariantCulture)}/allow", allow, ApiJson.Default.FlowAllow, ApiJson.Default.FlowAllowed, cancel);

    /// <summary>Flows as they begin, change and end, until cancelled or the server ends. <paramref name="opened"/> is called when it has answered.</summary>
    public IAsyncEnumerable<FlowInfo> TailFlowsAsync(
        string? device = null, string? site = null, string? network = null, string? verdict = null, Action? opened = null,
        string? host = null, string? state = null, CancellationToken cancel = default) =>
        StreamAsync(
            "flows/tail" + Query(("device", device), ("site", site), ("host", host), ("network", network), ("verdict", verdict), ("state", state)), ApiJson.Default.FlowInfo, opened, cancel);

    public Task<Page<DnsQueryInfo>> ListDnsQueriesAsync(
        string? device = null, string? site = null, string? network = null, int? limit = null, string? cursor = null, CancellationToken cancel = default) =>
        GetAsync(
            "dns-queries" + Query(("device", device), ("site", site), ("network", network), ("limit", limit), ("cursor", cursor)),
            ApiJson.Default.PageDnsQueryInfo,
            cancel);

    public Task<Page<EventInfo>> ListEventsAsync(string? kind = null, int? limit = null, string? cursor = null, CancellationToken cancel = default) =>
        GetAsync("events/list" + Query(("kind", kind), ("limit", limit), ("cursor", cursor)), ApiJson.Default.PageEventInfo, cancel);

    public IAsyncEnumerable<EventInfo> TailEventsAsync(Action? opened = null, CancellationToken cancel = default) =>
        StreamAsync("events", ApiJson.Default.EventInfo, opened, cancel);

    public Task<Page<GatewayInfo>> ListGatewaysAsync(CancellationToken cancel = default) => GetAsync("gateways", ApiJson.Default.PageGatewayInfo, cancel);

    // Keys

    /// <summary>The tls-crypt-v2 server keys that the gateways accept, the current one first.</summary>
    public Task<Page<KeyInfo>> ListKeysAsync(CancellationToken cancel = default) => GetAsync("keys", ApiJson.Default.PageKeyInfo, cancel);

    /// <summary>Ends a tls-crypt-v2 server key; answers it as it was.</summary>
    public Task<KeyInfo> RetireKeyAsync(int id, bool force = false, string? reason = null, CancellationToken cancel = default) =>
        PostAsync($"keys/tls-crypt-v2/{Number(id)}/retire", new KeyRetire(reason, force), ApiJson.Default.KeyRetire, ApiJson.Default.KeyInfo, cancel);

    /// <summary>Replaces a key of the installation: "master", or "tls-crypt-v2", whose old one stays accepted until it is retired.</summary>
    public Task<KeyRotated> RotateKeyAsync(string name, string? reason = null, CancellationToken cancel = default) =>
        PostAsync($"keys/{Segment(name)}/rotate", new ReasonRequest(reason), ApiJson.Default.ReasonRequest, ApiJson.Default.KeyRotated, cancel);

    // Audit

    /// <summary>Newest first.</summary>
    public Task<Page<AuditRecord>> ListAuditAsync(
        string? action = null, string? subject = null, int? limit = null, string? cursor = null, CancellationToken cancel = default) =>
        GetAsync(
            "audit" + Query(("action", action), ("subject", subject), ("limit", limit), ("cursor", cursor)), ApiJson.Default.PageAuditRecord, cancel);

    public Task<AuditVerification> VerifyAuditAsync(CancellationToken cancel = default) =>
        GetAsync("audit/verify", ApiJson.Default.AuditVerification, cancel);

    /// <summary>The whole trail, one JSON object a line; <see cref="AuditChain.Verify"/> proves it without the server.</summary>
    public Task ExportAuditAsync(Stream destination, CancellationToken cancel = default) => CopyAsync("audit/export", destination, cancel);

    public void Dispose() => http.Dispose();

    private static SocketsHttpHandler HandlerOf(ClientOptions options)
    {
        var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) };
        if (options.UnixSocket is { } path)
        {
            handler.ConnectCallback = async (_, cancel) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancel);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            };
        }

        if (options.Anchors is { } anchors)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.AddRange(anchors);
            handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy };
        }

        return handler;
    }

    private Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancel) =>
        ReadAsync(new HttpRequestMessage(HttpMethod.Get, Path(path)), type, cancel);

    private Task<TAnswer> PostAsync<TBody, TAnswer>(
        string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<TAnswer> answerType, CancellationToken cancel)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, Path(path)) { Content = JsonOf(body, bodyType) };
        // A create that was sent twice because the answer was lost is done once.
        request.Headers.Add("Idempotency-Key", Guid.NewGuid().ToString("N"));
        return ReadAsync(request, answerType, cancel);
    }

    private Task<TAnswer> PutAsync<TBody, TAnswer>(
        string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<TAnswer> answerType, CancellationToken cancel) =>
        ReadAsync(new HttpRequestMessage(HttpMethod.Put, Path(path)) { Content = JsonOf(body, bodyType) }, answerType, cancel);

    private Task<TAnswer> PatchAsync<TBody, TAnswer>(
        string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<TAnswer> answerType, long? revision, CancellationToken cancel)
    {
        var request = new HttpRequestMessage(HttpMethod.Patch, Path(path)) { Content = JsonOf(body, bodyType) };
        if (revision is { } known)
        {
            request.Headers.IfMatch.Add(new EntityTagHeaderValue(string.Create(CultureInfo.InvariantCulture, $"\"{known}\"")));
        }

        return ReadAsync(request, answerType, cancel);
    }

    private Task<FleetPlan> SendFileAsync(string path, ReadOnlyMemory<byte> file, bool prune, long? version, CancellationToken cancel)
    {
        var content = new ReadOnlyMemoryContent(file);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/yaml");
        var request = new HttpRequestMessage(HttpMethod.Post, Path(path + Query(("prune", prune ? "true" : null)))) { Content = content };
        if (version is { } known)
        {
            request.Headers.IfMatch.Add(new EntityTagHeaderValue(string.Create(CultureInfo.InvariantCulture, $"\"{known}\"")));
        }

        return ReadAsync(request, ApiJson.Default.FleetPlan, cancel);
    }

    private async Task DeleteAsync(string path, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, Path(path));
        using var response = await SendAsync(request, HttpCompletionOption.ResponseContentRead, cancel);
    }

    private Task<T> DeleteAsync<T>(string path, JsonTypeInfo<T> answerType, CancellationToken cancel) =>
        ReadAsync(new HttpRequestMessage(HttpMethod.Delete, Path(path)), answerType, cancel);

    private async Task<T> ReadAsync<T>(HttpRequestMessage request, JsonTypeInfo<T> type, CancellationToken cancel)
    {
        using (request)
        {
            using var response = await SendAsync(request, HttpCompletionOption.ResponseContentRead, cancel);
            await using var body = await response.Content.ReadAsStreamAsync(cancel);
            return await JsonSerializer.DeserializeAsync(body, type, cancel)
                ?? throw new HttpRequestException("The server's answer was empty.");
        }
    }

    private async Task CopyAsync(string path, Stream destination, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Path(path));
        using var response = await SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        await response.Content.CopyToAsync(destination, cancel);
    }

    private static string? Moment(DateTimeOffset? at) => at?.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);

    private async IAsyncEnumerable<T> StreamAsync<T>(
        string path, JsonTypeInfo<T> type, Action? opened, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Path(path));
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        using var response = await SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        opened?.Invoke();
        await using var body = await response.Content.ReadAsStreamAsync(cancel);
        await foreach (var item in SseParser.Create(body, (_, bytes) => JsonSerializer.Deserialize(bytes, type)).EnumerateAsync(cancel))
        {
            if (item.Data is { } data)
            {
                yield return data;
            }
        }
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, HttpCompletionOption completion, CancellationToken cancel)
    {
        var response = await http.SendAsync(request, completion, cancel);
        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            throw new ApiException(await ProblemOfAsync(response, cancel));
        }
    }

    private static async Task<Problem> ProblemOfAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        try
        {
            await using var body = await response.Content.ReadAsStreamAsync(cancel);
            if (await JsonSerializer.DeserializeAsync(body, ApiJson.Default.Problem, cancel) is { Status: > 0 } problem)
            {
                return problem;
            }
        }
        catch (JsonException)
        {
            // Not from Sallyport: a proxy's page, or nothing at all. The status line is what there is.
        }

        var title = response.StatusCode == HttpStatusCode.Unauthorized ? "The token was not accepted." : response.ReasonPhrase ?? "The request failed.";
        return new Problem { Title = title, Status = (int)response.StatusCode };
    }

    private static StringContent JsonOf<T>(T body, JsonTypeInfo<T> type) => new(JsonSerializer.Serialize(body, type), Encoding.UTF8, "application/json");

    private static Uri Path(string path) => new("/api/v1/" + path, UriKind.Relative);

    private static string Segment(string name) => Uri.EscapeDataString(name);

    private static string Number(int id) => id.ToString(CultureInfo.InvariantCulture);

    private static string Query(params ReadOnlySpan<(string Name, object? Value)> parts)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in parts)
        {
            if (value is not null)
            {
                text.Append(text.Length == 0 ? '?' : '&').Append(name).Append('=')
                    .Append(Uri.EscapeDataString(Convert.ToString(value, CultureInfo.InvariantCulture) ?? ""));
            }
        }

        return text.ToString();
    }
}
