using System.Security.Cryptography;
using System.Text;
using Sallyport.Api.Nodes;
using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Negotiation;
using Sallyport.Core.OpenVpn.Session;
using Sallyport.Core.OpenVpn.Wrapping;
using Sallyport.Core.Primitives;
using Sallyport.DataPlane.Handshakes;
using Sallyport.DataPlane.Model;
using Sallyport.DataPlane.Tests.Fixtures;

namespace Sallyport.DataPlane.Tests.Gateway;

public sealed class AdmissionTests : IDisposable
{
    private readonly TestFleet _fleet = new();
    private readonly StaticKey _wrapping = StaticKey.Generate(new TestEntropy(9));

    [Theory]
    [InlineData(WrappingKind.TlsCryptV2, false)]
    [InlineData(WrappingKind.TlsCryptV2, true)]
    [InlineData(WrappingKind.TlsCrypt, false)]
    [InlineData(WrappingKind.TlsAuth, false)]
    [InlineData(WrappingKind.TlsAuth, true)]
    [InlineData(WrappingKind.None, false)]
    [InlineData(WrappingKind.None, true)]
    public void Each_wrapping_that_the_network_permits_lets_a_device_in(WrappingKind kind, bool isStream)
    {
        PermitAllWrappings();
        using var gateway = new RunningGateway(_fleet);
        using var device = Client(gateway, kind, isStream);

        Establish(gateway, device);

        gateway.Control.WaitForTunnel(tunnel => tunnel is { IdentityId: TestFleet.DeviceId, Up: true });
    }

    [Fact]
    public void A_wrapping_that_the_network_does_not_permit_gets_no_answer()
    {
        using var gateway = new RunningGateway(_fleet);
        using var device = Client(gateway, WrappingKind.None, isStream: false);

        device.PumpFor(TimeSpan.FromSeconds(1));

        device.Options.ShouldBeNull();
        device.Ended.ShouldBeNull();
        gateway.Control.WaitFor<DropReport>(report => report.Drops.ContainsKey("WrapNotAllowed"));
    }

    [Theory]
    [InlineData("password", "right", true)]
    [InlineData("password", "wrong", false)]
    [InlineData("certificate+password", "right", true)]
    [InlineData("certificate+password", "wrong", false)]
    public void A_network_may_ask_for_a_password(string authentication, string password, bool comesIn)
    {
        _fleet.Network = _fleet.Network with { Authentication = authentication };
        using var gateway = new RunningGateway(_fleet);
        AddPassword(gateway);
        using var device = new TestClient(
            _fleet, _fleet.Device, gateway.Udp, options: new ClientSessionOptions { Username = "pump", Password = password });

        device.PumpUntil(() => device.Options is not null || device.Ended is not null);

        if (comesIn)
        {
            device.Options.ShouldNotBeNull($"{device.Ended} {gateway.Describe()}").AuthToken.ShouldNotBeNull().ShouldStartWith("SESS_ID_AT_");
            return;
        }

        device.Ended.ShouldNotBeNull().Reason.ShouldBe(SessionEnd.AuthenticationFailed);
        gateway.Control.WaitForEvent("handshake.failed").Detail.ShouldBe("device 'pump-17': wrong password");
    }

    [Fact]
    public void A_token_stands_for_the_password_and_not_for_another_user()
    {
        _fleet.Network = _fleet.Network with { Authentication = "password" };
        using var gateway = new RunningGateway(_fleet);
        AddPassword(gateway);
        string token;
        using (var first = new TestClient(
            _fleet, _fleet.Device, gateway.Udp, options: new ClientSessionOptions { Username = "pump", Password = "right" }).Establish())
        {
            token = first.Options!.AuthToken!;
        }

        using var again = new TestClient(
            _fleet, _fleet.Device, gateway.Udp, options: new ClientSessionOptions { Username = "pump", Password = token }).Establish();
        using var thief = new TestClient(
            _fleet, _fleet.OtherDevice, gateway.Udp, options: new ClientSessionOptions { Username = "other", Password = token });
        thief.PumpUntil(() => thief.Ended is not null);
        thief.Ended!.Reason.ShouldBe(SessionEnd.AuthenticationFailed);
    }

    [Fact]
    public void A_token_dies_with_the_password_that_it_stands_for()
    {
        _fleet.Network = _fleet.Network with { Authentication = "password" };
        using var gateway = new RunningGateway(_fleet);
        AddPassword(gateway);
        string token;
        using (var first = new TestClient(
            _fleet, _fleet.Device, gateway.Udp, options: new ClientSessionOptions { Username = "pump", Password = "right" }).Establish())
        {
            token = first.Options!.AuthToken!;
        }

        AddPassword(gateway, id: 78, version: 3);
        using var late = new TestClient(
            _fleet, _fleet.Device, gateway.Udp, options: new ClientSessionOptions { Username = "pump", Password = token });
        late.PumpUntil(() => late.Ended is not null);
        late.Ended!.Reason.ShouldBe(SessionEnd.AuthenticationFailed);
    }

    [Fact]
    public void A_revoked_password_cuts_the_tunnel_that_came_with_a_certificate_too()
    {
        _fleet.Network = _fleet.Network with { Authentication = "certificate+password" };
        using var gateway = new RunningGateway(_fleet);
        AddPassword(gateway);
        using var device = new TestClient(
            _fleet, _fleet.Device, gateway.Udp, options: new ClientSessionOptions { Username = "pump", Password = "right" }).Establish();
        gateway.Control.WaitForTunnel(tunnel => tunnel.Up);

        gateway.Control.Send(new Delta { Version = 3, CommittedAt = 1, Identities = [_fleet.DeviceModel] });

        gateway.Control.WaitFor<Acknowledge>(acknowledge => acknowledge.Version == 3).TunnelsCut.ShouldBe(1);
        device.PumpUntil(() => device.Messages.Contains(ControlMessage.Halt), "HALT");
        gateway.Control.WaitForTunnel(tunnel => !tunnel.Up).EndReason.ShouldBe("revoked");
    }

    [Theory]
    [InlineData("certificate+password", "tls-crypt-v2", "1.2", 1)]
    [InlineData("password", "tls-crypt-v2", "1.2", 1)]
    [InlineData("certificate", "tls-crypt", "1.2", 1)]
    [InlineData("certificate", "tls-crypt,tls-crypt-v2", "1.3", 0)] // the device came with both
    [InlineData("certificate", "tls-crypt-v2", "1.2", 0)]
    public void A_network_that_asks_for_more_makes_who_came_with_less_come_again(string authentication, string wrappings, string minimumTls, int cut)
    {
        using var gateway = new RunningGateway(_fleet);
        using var device = new TestClient(_fleet, _fleet.Device, gateway.Udp).Establish();
        gateway.Control.WaitForTunnel(tunnel => tunnel.Up);

        var asks = _fleet.Network with
        {
            Authentication = authentication, Wrappings = wrappings.Split(','), WrappingKey = _wrapping.Bytes.ToArray(), MinimumTls = minimumTls, TokenSeconds = 3600,
        };
        gateway.Control.Send(new Delta { Version = 2, CommittedAt = 1, Networks = [asks] });

        gateway.Control.WaitFor<Acknowledge>(acknowledge => acknowledge.Version == 2).TunnelsCut.ShouldBe(cut);
        if (cut > 0)
        {
            device.PumpUntil(() => device.Messages.Contains(ControlMessage.Restart), "RESTART");
        }
    }

    [Fact]
    public void A_renegotiation_with_another_password_of_the_same_device_is_refused()
    {
        var model = ModelWithPasswords(("pump", 77), ("pump.2", 78));
        var claim = PasswordClaim("pump");
        var judgement = Authenticator.Judge(claim, model, null, default);
        judgement.Refusal.ShouldBe("");
        judgement.Proof.PasswordId.ShouldBe(77);
        var before = new Admitted
        {
            Proof = judgement.Proof, IdentityId = TestFleet.DeviceId, Name = "", Tls = "", ClientVersion = "", ClientPlatform = "",
            AddressV4 = default, AddressV6 = default, Shard = 0, Slot = 0, PeerId = 0, TunnelId = 1,
        };

        Authenticator.Judge(claim with { Before = before }, model, null, default).Refusal.ShouldBe("");
        Authenticator.Judge(PasswordClaim("pump.2") with { Before = before }, model, null, default).Refusal
            .ShouldBe("device 'pump-17': a renegotiation came with another credential");
    }

    [Theory]
    [InlineData(127)]
    [InlineData(128)]
    public void A_user_name_as_long_as_a_client_can_send_gets_a_token_and_comes_in(int length)
    {
        var name = new string('p', length);
        _fleet.Network = _fleet.Network with { Authentication = "password" };
        using var gateway = new RunningGateway(_fleet);
        AddPassword(gateway, id: int.MaxValue, username: name);
        string token;
        using (var first = new TestClient(
            _fleet, _fleet.Device, gateway.Udp, options: new ClientSessionOptions { Username = name, Password = "right" }).Establish())
        {
            token = first.Options!.AuthToken.ShouldNotBeNull();
        }

        using var again = new TestClient(
            _fleet, _fleet.Device, gateway.Udp, options: new ClientSessionOptions { Username = name, Password = token }).Establish();
    }

    [Theory]
    [InlineData(24, false)]
    [InlineData(26, true)]
    public void A_token_ends_when_its_network_says_and_the_password_is_asked_for_again(int lifetimeHours, bool comesIn)
    {
        _fleet.Network = _fleet.Network with { Authentication = "password", TokenSeconds = lifetimeHours * 3600 };
        using var gateway = new RunningGateway(_fleet);
        AddPassword(gateway);
        using var device = new TestClient(
            _fleet, _fleet.Device, gateway.Udp,
            options: new ClientSessionOptions { Username = "pump", Password = TokenOf(passwordHoursAgo: 25, renewedHoursAgo: 1) });
        device.PumpUntil(() => device.Options is not null || device.Ended is not null);

        if (comesIn)
        {
            device.Options.ShouldNotBeNull($"{device.Ended} {gateway.Describe()}");
            return;
        }

        var ended = device.Ended.ShouldNotBeNull();
        ended.Reason.ShouldBe(SessionEnd.AuthenticationFailed);
        ended.Detail.ShouldBe("SESSION: token expired");
        gateway.Control.WaitForEvent("handshake.failed").Detail.ShouldBe("device 'pump-17': the authentication token has expired");
        using var again = new TestClient(
            _fleet, _fleet.Device, gateway.Udp, options: new ClientSessionOptions { Username = "pump", Password = "right" }).Establish();
    }

    [Fact]
    public void Reconnecting_with_a_token_does_not_lengthen_its_life()
    {
        _fleet.Network = _fleet.Network with { Authentication = "password" };
        using var gateway = new RunningGateway(_fleet);
        AddPassword(gateway);
        var first = TokenOf(passwordHoursAgo: 23, renewedHoursAgo: 1);
        using var device = new TestClient(
            _fleet, _fleet.Device, gateway.Udp, options: new ClientSessionOptions { Username = "pump", Password = first }).Establish();

        var (before, after) = (ClaimsOf(first), ClaimsOf(device.Options!.AuthToken!));
        after.InitialSeconds.ShouldBe(before.InitialSeconds);
        after.SessionId.ShouldBe(before.SessionId);
        after.IssuedSeconds.ShouldBeGreaterThan(before.IssuedSeconds);
    }

    [Fact]
    public void A_new_token_comes_with_every_key()
    {
        _fleet.Network = _fleet.Network with { Authentication = "password" };
        using var gateway = new RunningGateway(_fleet);
        AddPassword(gateway);
        using var device = new TestClient(
            _fleet, _fleet.Device, gateway.Udp, options: new ClientSessionOptions { Username = "pump", Password = "right" }).Establish();

        device.Session.Renegotiate(new Clock(TimeProvider.System).Now);
        device.PumpUntil(() => device.Messages.Count > 0, "a new token");

        var message = device.Messages.ShouldHaveSingleItem();
        message.Kind.ShouldBe(Core.OpenVpn.Negotiation.ControlMessageKind.PushReply);
        message.Argument.ShouldStartWith("auth-token SESS_ID_AT_");
    }

    [Fact]
    public void A_profile_of_an_older_server_key_works_until_that_key_is_retired()
    {
        using var newer = TlsCryptV2ServerKey.Generate(new TestEntropy(5));
        using var gateway = new RunningGateway(_fleet);
        void Accept(long version, params byte[][] keys)
        {
            var model = _fleet.Model(withRule: true);
            gateway.Control.Send(new Snapshot(version, model with { Settings = model.Settings with { TlsCryptV2ServerKeys = keys } }));
            gateway.Control.WaitFor<Acknowledge>(acknowledge => acknowledge.Version == version);
        }

        Accept(2, newer.Bytes.ToArray(), _fleet.ServerKey.Bytes.ToArray());
        using (new TestClient(_fleet, _fleet.Device, gateway.Udp).Establish())
        {
            // It came in with the older key.
        }

        Accept(3, newer.Bytes.ToArray());
        using var late = new TestClient(_fleet, _fleet.Device, gateway.Udp);
        late.PumpFor(TimeSpan.FromSeconds(1));
        late.Options.ShouldBeNull();
        late.Ended.ShouldBeNull();
    }

    [Fact]
    public void The_certificate_of_one_device_with_the_key_of_another_stays_out()
    {
        using var gateway = new RunningGateway(_fleet);
        using var mixed = new TestClient(_fleet, _fleet.Device with { Key = _fleet.OtherDevice.Key }, gateway.Udp);

        mixed.PumpUntil(() => mixed.Ended is not null);

        mixed.Ended!.Reason.ShouldBe(SessionEnd.AuthenticationFailed);
        gateway.Control.WaitForEvent("handshake.failed").Detail.ShouldContain("came with the tls-crypt-v2 key");
    }

    [Fact]
    public void An_expired_certificate_stays_out_and_operators_are_told_when_it_ended()
    {
        using var gateway = new RunningGateway(_fleet);
        using var expired = new TestClient(_fleet, _fleet.Device with { Certificate = _fleet.Pki.IssueClient("pump-17", days: -1) }, gateway.Udp);

        expired.PumpFor(TimeSpan.FromSeconds(2));

        expired.Options.ShouldBeNull();
        var told = gateway.Control.WaitForEvent("handshake.failed");
        told.Detail.ShouldContain("device 'pump-17'");
        told.Detail.ShouldContain("CertificateExpired");
    }

    [Fact]
    public void A_device_that_was_revoked_stays_in_the_dark_and_is_named_to_operators()
    {
        using var gateway = new RunningGateway(_fleet);
        gateway.Control.Send(new Delta { Version = 2, CommittedAt = 1, Identities = [_fleet.DeviceModel with { Active = false, Credentials = [] }] });
        gateway.Control.WaitFor<Acknowledge>(acknowledge => acknowledge.Version == 2);
        using var device = new TestClient(_fleet, _fleet.Device, gateway.Udp);

        device.PumpFor(TimeSpan.FromSeconds(1));

        device.Options.ShouldBeNull();
        device.Ended.ShouldBeNull();
        gateway.Control.WaitForEvent("handshake.failed").Detail.ShouldContain("device 'pump-17'");
    }

    public void Dispose()
    {
        _wrapping.Dispose();
        _fleet.Dispose();
    }

    private void PermitAllWrappings() => _fleet.Network = _fleet.Network with
    {
        Wrappings = ["tls-crypt-v2", "tls-crypt", "tls-auth", "none"],
        WrappingKey = _wrapping.Bytes.ToArray(),
    };

    private TestClient Client(RunningGateway gateway, WrappingKind kind, bool isStream)
    {
        ControlWrapper? wrapper = kind switch
        {
            WrappingKind.TlsCryptV2 => null,
            WrappingKind.TlsCrypt => new TlsCryptWrapper(_wrapping.Bytes, isServer: false),
            WrappingKind.TlsAuth => new TlsAuthWrapper(_wrapping, KeyDirection.Inverse, HashKind.Sha256),
            WrappingKind.None => new PlainWrapper(),
        };
        var key = kind is WrappingKind.TlsCrypt or WrappingKind.TlsAuth ? _wrapping.Bytes.ToArray() : null;
        return new TestClient(
            _fleet, _fleet.Device, isStream ? gateway.Tcp : gateway.Udp, isStream, new ClientSessionOptions { StaticKey = key }, wrapper);
    }

    private static void Establish(RunningGateway gateway, TestClient client)
    {
        client.PumpFor(TimeSpan.FromSeconds(0.5));
        client.PumpUntil(() => client.Options is not null || client.Ended is not null, gateway.Describe());
        client.Ended.ShouldBeNull(gateway.Describe());
    }

    /// <summary>A genuine token of user pump.</summary>
    private string TokenOf(int passwordHoursAgo, int renewedHoursAgo)
    {
        var now = new Clock(TimeProvider.System).Now;
        using var tokens = Tokens();
        tokens.Issue("pump#77", now - TimeSpan.FromHours(passwordHoursAgo), out var claims);
        return tokens.Renew("pump#77", ref claims, now - TimeSpan.FromHours(renewedHoursAgo));
    }

    private AuthTokenClaims ClaimsOf(string token)
    {
        using var tokens = Tokens();
        tokens.Verify(Encoding.ASCII.GetBytes(token), "pump#77", TimeSpan.FromHours(24), new Clock(TimeProvider.System).Now, out var claims)
            .ShouldBe(AuthTokenVerdict.Valid);
        return claims;
    }

    private AuthToken Tokens() => new(_fleet.Settings.AuthTokenKey, new TestEntropy(77), TimeSpan.FromHours(12));

    private GatewayModel ModelWithPasswords(params (string Username, int Id)[] passwords)
    {
        _fleet.Network = _fleet.Network with { Authentication = "password" };
        var model = _fleet.Model();
        var device = _fleet.DeviceModel with
        {
            Credentials = [_fleet.Device.Credential, .. passwords.Select(password => PasswordOf(password.Username, password.Id))],
        };
        return ModelMapper.FromSnapshot(new Snapshot(1, model with { Identities = [device] }), TestFleet.Now);
    }

    private static Claim PasswordClaim(string username) => new()
    {
        Request = new AuthenticationRequest
        {
            Certificate = null, Username = username, Password = "right"u8.ToArray(), PeerInfo = PeerInfo.Of(), Tls = "TLSv1.3", IsRenegotiation = false,
        },
        Wrapping = WrappingKind.TlsCryptV2,
    };

    private static CredentialModel PasswordOf(string username, int id)
    {
        byte[] salt = [1, 2, 3, 4, 5, 6, 7, 8];
        return new CredentialModel
        {
            Id = id,
            Kind = "password",
            Username = username,
            PasswordSalt = salt,
            PasswordHash = SHA256.HashData([.. salt, .. "right"u8]),
        };
    }

    private void AddPassword(RunningGateway gateway, int id = 77, int version = 2, string username = "pump")
    {
        var password = PasswordOf(username, id);
        gateway.Control.Send(new Delta
        {
            Version = version,
            CommittedAt = 1,
            Identities = [_fleet.DeviceModel with { Credentials = [_fleet.Device.Credential, password] }],
        });
        gateway.Control.WaitFor<Acknowledge>(acknowledge => acknowledge.Version == version);
    }
}
