using System.Text.Json.Serialization;
using Sallyport.Api.Applications;
using Sallyport.Api.Audit;
using Sallyport.Api.Credentials;
using Sallyport.Api.Devices;
using Sallyport.Api.Events;
using Sallyport.Api.Dns;
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
using Sallyport.Api.Times;
using Sallyport.Api.Tunnels;

namespace Sallyport.Api;

/// <summary>How everything under /api/v1 is written: camelCase, null left out, times in ISO 8601.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(TimeConverter)])]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(NetworkCreate))]
[JsonSerializable(typeof(NetworkUpdate))]
[JsonSerializable(typeof(NetworkInfo))]
[JsonSerializable(typeof(Page<NetworkInfo>))]
[JsonSerializable(typeof(SiteCreate))]
[JsonSerializable(typeof(SiteUpdate))]
[JsonSerializable(typeof(SiteInfo))]
[JsonSerializable(typeof(SiteCreated))]
[JsonSerializable(typeof(Page<SiteInfo>))]
[JsonSerializable(typeof(DeviceCreate))]
[JsonSerializable(typeof(DeviceUpdate))]
[JsonSerializable(typeof(DeviceInfo))]
[JsonSerializable(typeof(DeviceCreated))]
[JsonSerializable(typeof(Page<DeviceInfo>))]
[JsonSerializable(typeof(ReasonRequest))]
[JsonSerializable(typeof(QuarantineRequest))]
[JsonSerializable(typeof(PostureUpdate))]
[JsonSerializable(typeof(CutResult))]
[JsonSerializable(typeof(ProfileRequest))]
[JsonSerializable(typeof(ProfileIssued))]
[JsonSerializable(typeof(ProfilePart))]
[JsonSerializable(typeof(SaInfo))]
[JsonSerializable(typeof(SharedKey))]
[JsonSerializable(typeof(CredentialInfo))]
[JsonSerializable(typeof(Page<CredentialInfo>))]
[JsonSerializable(typeof(ApplicationCreate))]
[JsonSerializable(typeof(ApplicationUpdate))]
[JsonSerializable(typeof(ApplicationInfo))]
[JsonSerializable(typeof(Page<ApplicationInfo>))]
[JsonSerializable(typeof(LockCreate))]
[JsonSerializable(typeof(LockInfo))]
[JsonSerializable(typeof(Page<LockInfo>))]
[JsonSerializable(typeof(RuleCreate))]
[JsonSerializable(typeof(RuleUpdate))]
[JsonSerializable(typeof(RuleInfo))]
[JsonSerializable(typeof(Page<RuleInfo>))]
[JsonSerializable(typeof(FleetPlan))]
[JsonSerializable(typeof(TunnelInfo))]
[JsonSerializable(typeof(Page<TunnelInfo>))]
[JsonSerializable(typeof(FlowInfo))]
[JsonSerializable(typeof(FlowAllow))]
[JsonSerializable(typeof(FlowAllowed))]
[JsonSerializable(typeof(Page<FlowInfo>))]
[JsonSerializable(typeof(DnsQueryInfo))]
[JsonSerializable(typeof(Page<DnsQueryInfo>))]
[JsonSerializable(typeof(EventInfo))]
[JsonSerializable(typeof(Page<EventInfo>))]
[JsonSerializable(typeof(PolicyExplanation))]
[JsonSerializable(typeof(ReachInfo))]
[JsonSerializable(typeof(ReachPage))]
[JsonSerializable(typeof(LearnPlan))]
[JsonSerializable(typeof(LearnedRule))]
[JsonSerializable(typeof(MudRequest))]
[JsonSerializable(typeof(MudPlan))]
[JsonSerializable(typeof(MudRule))]
[JsonSerializable(typeof(LintReport))]
[JsonSerializable(typeof(ReplayRequest))]
[JsonSerializable(typeof(ReplayReport))]
[JsonSerializable(typeof(ReplayChange))]
[JsonSerializable(typeof(WhoisInfo))]
[JsonSerializable(typeof(StatusInfo))]
[JsonSerializable(typeof(GatewayInfo))]
[JsonSerializable(typeof(Page<GatewayInfo>))]
[JsonSerializable(typeof(AuditRecord))]
[JsonSerializable(typeof(Page<AuditRecord>))]
[JsonSerializable(typeof(AuditHead))]
[JsonSerializable(typeof(KeyRotated))]
[JsonSerializable(typeof(KeyRetire))]
[JsonSerializable(typeof(KeyInfo))]
[JsonSerializable(typeof(Page<KeyInfo>))]
[JsonSerializable(typeof(AuditExportLine))]
[JsonSerializable(typeof(AuditVerification))]
public sealed partial class ApiJson : JsonSerializerContext;
