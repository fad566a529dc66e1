using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Dapper;
using Microsoft.Data.Sqlite;
using Sallyport.Api.Credentials;
using Sallyport.Api.Nodes;
using Sallyport.Control.Changes;
using Sallyport.Control.Credentials;
using Sallyport.Control.Http;
using Sallyport.Control.Identities;
using Sallyport.Control.Networks;
using Sallyport.Control.Policies;
using Sallyport.Control.Secrets;
using Sallyport.Core.Ike.Eap;

namespace Sallyport.Control.Ipsec;

/// <summary>Makes the credentials by which an identity comes by IPsec, one for each uplink, and the files around them.</summary>
internal sealed class IpsecIssuer(CertificateIssuer certificates, Envelope envelope, ChangeFeed feed, ControlOptions options)
{
    private const string KeyLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    private const int KeyLength = 43; // 62 letters: 5.95 bits each, 256 in all

    /// <summary>Of a key that somebody else made: what survives files and forms, and no word that can be guessed.</summary>
    private const int GivenKeyMin = 32;
    private const int GivenKeyMax = 128;
    private const int GivenKeyLettersMin = 10;

    /// <summary>Who an identity says it is, unless its router knows better: its name in DNS.</summary>
    public static string IdOf(IdentityRow identity, ControlOptions options, int uplink = 1)
    {
        var name = $"{identity.Name}.{identity.Network}.{options.Gateway.DnsZone}";
        return uplink == 1 ? name : string.Create(CultureInfo.InvariantCulture, $"{uplink}.{name}");
    }

    /// <param name="ownId">The identity whose live credentials are in nobody's way, because they end; 0 for none.</param>
    public void Check(SqliteConnection sql, ProfileRequest request, NetworkRow? network, string kind, int ownId, ProblemList problems, string field)
    {
        var auth = NetworkInput.ReadOne(request.Auth, field + "auth", "way to authenticate by IKE", IpsecOptions.Authentications, problems);
        if (network is not null)
        {
            CheckNetwork(network, auth ?? IpsecOptions.Authentications[0], request.Auth is null || auth is not null, field, problems);
        }

        if (options is { IkePort: 0, IkeNatPort: 0 })
        {
            problems.Add(field + "protocol", "this installation does not listen for IPsec", "set ipsec.ike and ipsec.nat in sallyport.yaml, or ask for protocol openvpn");
        }

        if (auth == "eap-mschapv2" && !MsChapV2.IsAvailable && network?.Ipsec.Takes(auth) == true)
        {
            problems.Add(field + "auth", "the OpenSSL of this machine has no MD4, which MSCHAPv2 needs", "install its legacy provider (openssl-provider-legacy), or use certificate or psk");
        }

        var uplinks = request.Uplinks ?? 1;
        if (uplinks is < 1 or > PeerInput.UplinksMax)
        {
            problems.Add(field + "uplinks", $"{uplinks} uplinks are no number that a site has", $"use 1 to {PeerInput.UplinksMax}");
        }
        else if (uplinks > 1 && kind != "site")
        {
            problems.Add(field + "uplinks", $"a {kind} comes by one way at a time", "leave it out: whichever way it takes, it is the same device; several at once are for sites");
        }

        CheckPeerIds(sql, request, auth, uplinks, ownId, field, problems);
        CheckGivenKey(request, auth, uplinks, field, problems);
    }

    /// <summary>Inside a command. The request was checked.</summary>
    public ProfileIssued Issue(Change change, IdentityRow identity, NetworkRow network, ProfileRequest request, IReadOnlyList<int> revoked)
    {
        var auth = request.Auth?.ToLowerInvariant() ?? IpsecOptions.Authentications[0];
        var ids = new List<int>();
        var ends = new List<IpsecEnd>();
        CertificateParts? first = null;
        for (var uplink = 1; uplink <= (request.Uplinks ?? 1); uplink++)
        {
            var (end, credential) = Make(change, identity, network, request, auth, uplink);
            CheckFree(change.Sql, credential);
            ids.Add(credential.Store(change, identity, envelope));
            ends.Add(end);
            first ??= credential.Certificate;
        }

        var content = ContentOf(change.Sql, identity, network, request, auth, ends);
        var files = IpsecFiles.Of(content);
        change.Audit(
            "credential.issue",
            identity.Subject,
            new JsonObject
            {
                ["credentials"] = new JsonArray([.. ids.Select(id => (JsonNode)id)]),
                ["protocol"] = CredentialIssuer.Ipsec,
                ["auth"] = auth,
                ["peerIds"] = new JsonArray([.. ends.Select(end => (JsonNode)end.Id.Text)]),
                ["fingerprint"] = first?.Fingerprint,
                ["username"] = ends[0].Username,
                ["ppk"] = ends[0].PpkId is null ? null : true,
                ["notAfter"] = first?.NotAfter.ToString("u"),
                ["revoked"] = new JsonArray([.. revoked.Select(id => (JsonNode)id)]),
            });
        return new ProfileIssued
        {
            Protocol = CredentialIssuer.Ipsec,
            FileName = identity.Name + ".ipsec",
            Text = IpsecFiles.Together(files),
            Files = files,
            Keys =
            [
                .. ends.Where(end => end.Psk is not null && request.Psk is null).Select(end => new SharedKey("psk", end.Id.Text, end.Uplink, end.Psk!)),
                .. ends.Where(end => end.Ppk is not null).Select(end => new SharedKey("ppk", end.PpkId!, end.Uplink, end.Ppk!)),
            ],
            CredentialIds = ids,
            Fingerprint = first?.Fingerprint,
            NotAfter = first?.NotAfter,
            Username = ends[0].Username,
            Password = ends[0].Password,
            Revoked = revoked,
        };
    }

    private static void CheckNetwork(NetworkRow network, string auth, bool isKnown, string field, ProblemList problems)
    {
        if (network.Ipsec.Off)
        {
            problems.Add(field + "protocol", $"network {network.Name} has no IPsec", $"let its members come by it first: sallyport network update {network.Name} --ipsec on");
        }
        else if (isKnown && !network.Ipsec.Takes(auth))
        {
            var taken = network.Ipsec.Authentication ?? IpsecOptions.DefaultAuthentication;
            problems.Add(
                field + "auth", $"network {network.Name} does not take {auth}",
                $"use {string.Join(" or ", taken)}, or allow it first: sallyport network update {network.Name} {string.Join(' ', taken.Append(auth).Select(one => $"--ipsec-auth {one}"))}");
        }
    }

    private static void CheckPeerIds(SqliteConnection sql, ProfileRequest request, string? auth, int uplinks, int ownId, string field, ProblemList problems)
    {
        if (request.PeerIds is not { Count: > 0 } given)
        {
            return;
        }

        if (given.Count > uplinks)
        {
            problems.Add(field + "peerIds", $"{given.Count} ids are more than there are uplinks", $"give one for each uplink, or ask for {given.Count} uplinks");
        }

        var read = new List<string>();
        for (var i = 0; i < Math.Min(given.Count, PeerInput.UplinksMax); i++)
        {
            var at = $"{field}peerIds[{i}]";
            if (PeerId.Read(given[i], at, problems) is not { } id)
            {
                continue;
            }

            if (id.Kind == PeerIdKind.Key && auth is not "psk")
            {
                problems.Add(at, $"{id.Text} cannot stand in a certificate", "give an address, a host name or somebody@somewhere, or use psk");
            }
            else if (read.Contains(id.Text, StringComparer.OrdinalIgnoreCase))
            {
                problems.Add(at, $"{id.Text} is there twice", "each uplink says who it is: give it an id of its own");
            }
            else if (auth == "psk" && Holder(sql, id.Text, ownId) is { } holder)
            {
                AddTaken(id.Text, holder, at, problems);
            }

            read.Add(id.Text);
        }
    }

    /// <summary>No message repeats the key.</summary>
    private static void CheckGivenKey(ProfileRequest request, string? auth, int uplinks, string field, ProblemList problems)
    {
        if (request.Psk is not { } key)
        {
            return;
        }

        if (auth != "psk")
        {
            problems.Add(field + "psk", "a pre-shared key is given, and this profile has none", "ask for auth psk, or leave the key out");
        }
        else if (uplinks > 1)
        {
            problems.Add(field + "psk", $"one pre-shared key is given for {uplinks} uplinks", "each uplink has a key of its own: leave it out, and they are made, or ask for one uplink");
        }

        if (key.Length is < GivenKeyMin or > GivenKeyMax || key.Distinct().Count() < GivenKeyLettersMin)
        {
            problems.Add(
                field + "psk", $"the pre-shared key is none that holds: it has {key.Length} characters, {key.Distinct().Count()} different ones",
                $"use {GivenKeyMin} to {GivenKeyMax} random ones, as from: openssl rand -hex 32");
        }
        else if (!key.All(letter => char.IsAsciiLetterOrDigit(letter) || "+/=-_.".Contains(letter, StringComparison.Ordinal)) || key is ['0', 'x' or 'X' or 's' or 'S', ..])
        {
            problems.Add(
                field + "psk", "the pre-shared key has characters that files and forms read in different ways, or begins like a number (0x, 0s)",
                "use letters, figures and +/=-_. alone, as from: openssl rand -hex 32");
        }
    }

    private static void AddTaken(string id, CredentialRow holder, string field, ProblemList problems) => problems.AddConflict(
        field, $"{id} is who {holder.OwnerKind} {holder.Owner}.{holder.Network} says it is (credential {holder.Id})",
        $"pre-shared keys are found by it, so each has its own: give another one, or revoke that first: sallyport credential revoke {holder.Id}");

    /// <summary>Whose live pre-shared key it is; null for nobody's.</summary>
    private static CredentialRow? Holder(SqliteConnection sql, string id, int ownId) =>
        sql.ExecuteScalar<int?>(
            "SELECT id FROM credentials WHERE kind = 'psk' AND revoked_at IS NULL AND peer_id = @id COLLATE NOCASE AND identity_id <> @ownId", new { id, ownId })
            is { } found ? CredentialRow.Find(sql, found) : null;

    /// <summary>What was made up may be taken as well: by the one before it, where that is kept.</summary>
    private static void CheckFree(SqliteConnection sql, NewCredential credential)
    {
        if (credential.Kind == "psk" && Holder(sql, credential.PeerId!, 0) is { } holder)
        {
            var problems = new ProblemList();
            AddTaken(credential.PeerId!, holder, "peerIds", problems);
            problems.ThrowIfAny();
        }
    }

    private (IpsecEnd End, NewCredential Credential) Make(
        Change change, IdentityRow identity, NetworkRow network, ProfileRequest request, string auth, int uplink)
    {
        var usual = IdOf(identity, options, uplink);
        var id = request.PeerIds is { } given && given.Count >= uplink ? PeerId.Read(given[uplink - 1], "peerIds", new ProblemList())!.Value : PeerId.Of(usual);
        var end = new IpsecEnd
        {
            Uplink = uplink,
            Name = uplink == 1 ? identity.Name : string.Create(CultureInfo.InvariantCulture, $"{identity.Name}-{uplink}"),
            Id = id,
        };
        var credential = new NewCredential(KindOf(auth), CredentialIssuer.Ipsec) { PeerId = id.Text, Uplink = uplink };
        if (request.Ppk ?? network.Ipsec.PpkRequired)
        {
            end = end with { PpkId = usual, Ppk = NewKey() };
            credential = credential with { PpkId = end.PpkId, Ppk = Encoding.ASCII.GetBytes(end.Ppk) };
        }

        switch (auth)
        {
            case "psk":
                end = end with { Psk = request.Psk ?? NewKey() };
                return (end, credential with { Secret = Encoding.ASCII.GetBytes(end.Psk) });
            case "eap-mschapv2":
                end = end with { Username = NewCredential.FreeUsername(change, identity), Password = NewCredential.Password() };
                return (end, credential with { Username = end.Username, Secret = NtHash(end.Password) });
            default:
                var certificate = certificates.Issue(change, identity, [.. new[] { usual, id.Text }.Distinct(StringComparer.OrdinalIgnoreCase)], request.ValidDays);
                var password = NewCredential.Password();
                end = end with
                {
                    Certificate = certificate.Pem,
                    PrivateKey = certificate.KeyPem,
                    KeyId = certificate.KeyId,
                    Archive = ArchiveOf(certificate, password),
                    ArchivePassword = password,
                };
                return (end, credential with { Certificate = certificate });
        }
    }

    private static byte[] NtHash(string password)
    {
        var hash = new byte[MsChapV2.HashLength];
        MsChapV2.Hash(password, hash);
        return hash;
    }

    private static string KindOf(string auth) => auth switch { "psk" => "psk", "eap-mschapv2" => "eap", _ => "certificate" };

    /// <summary>
    /// Of letters and figures alone, so that it survives every file, shell and web form; it never begins like what strongSwan takes for
    /// hexadecimal ("0x") or Base64 ("0s").
    /// </summary>
    private static string NewKey() => RandomNumberGenerator.GetString(KeyLetters.AsSpan()[..^10], 1) + RandomNumberGenerator.GetString(KeyLetters, KeyLength - 1);

    /// <summary>
    /// As phones, Windows and libreswan import it. The cipher is the one that all of them know; what keeps the key is that the password, of 130
    /// bits, is as secret as the file.
    /// </summary>
    private string ArchiveOf(CertificateParts parts, string password)
    {
        using var certificate = X509Certificate2.CreateFromPem(parts.Pem, parts.KeyPem);
        var (root, issuing) = certificates.Anchors;
        using var rootCertificate = X509Certificate2.CreateFromPem(root);
        using var issuingCertificate = X509Certificate2.CreateFromPem(issuing);
        var all = new X509Certificate2Collection { certificate, issuingCertificate, rootCertificate };
        return Convert.ToBase64String(all.ExportPkcs12(Pkcs12ExportPbeParameters.Pkcs12TripleDesSha1, password), Base64FormattingOptions.InsertLineBreaks);
    }

    private IpsecContent ContentOf(
        SqliteConnection sql, IdentityRow identity, NetworkRow network, ProfileRequest request, string auth, IReadOnlyList<IpsecEnd> ends)
    {
        var (root, issuing) = certificates.Anchors;
        return new IpsecContent
        {
            Kind = identity.Kind,
            Name = identity.Name,
            Network = network.Name,
            Endpoint = request.Endpoint ?? options.Endpoint,
            GatewayId = options.Endpoint,
            Port = options.IkePort,
            NatPort = options.IkeNatPort,
            Auth = auth,
            Ends = ends,
            Local = IpsecSelectors.Local(identity),
            Remote = IpsecSelectors.Remote(sql, identity, network, feed.State.EgressWays.Of(NetworkPolicy.Identity(identity.ToModel([], envelope)))),
            Rules = network.Ipsec.ToModel() ?? new IpsecOptions().ToModel()!,
            Peer = identity.Ipsec ?? new IpsecPeerModel(),
            ProbeSeconds = options.Gateway.IkeProbeSeconds,
            DeadSeconds = options.Gateway.IkeDeadSeconds,
            Root = root,
            Issuing = issuing,
        };
    }
}
