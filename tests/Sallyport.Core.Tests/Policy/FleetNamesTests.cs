using Sallyport.Core.Policy;
using static Sallyport.Core.Tests.Policy.Fleets;

namespace Sallyport.Core.Tests.Policy;

public sealed class FleetNamesTests
{
    [Fact]
    public void Names_follow_what_they_are_of()
    {
        var fleet = Of(Network(1, "10.0.0.0/8"), Network(2, "10.0.0.0/8"), Device(5, 1, "10.0.0.5"), Site(6, 1, "10.0.0.6", "192.168.0.0/24"), Application(7, 1, 6, "192.168.0.1", Tcp(80)));
        fleet.NetworkNamed("net-2")!.Id.ShouldBe(2);
        fleet.IdentityNamed(1, "device-5")!.Id.ShouldBe(5);
        fleet.IdentityNamed(1, "site-6")!.Id.ShouldBe(6);
        fleet.IdentityNamed(2, "device-5").ShouldBeNull();
        fleet.ApplicationNamed(1, "app-7")!.Id.ShouldBe(7);
        fleet.IdentityNamed(1, "app-7").ShouldBeNull();

        var next = fleet.With(fleet.Identity(5)! with { Name = "renamed" }, fleet.Application(7)! with { Name = "other" }, fleet.Network(2)! with { Name = "second" });
        (next.IdentityNamed(1, "device-5"), next.IdentityNamed(1, "renamed")?.Id).ShouldBe((null, 5));
        (next.ApplicationNamed(1, "app-7"), next.ApplicationNamed(1, "other")?.Id).ShouldBe((null, 7));
        (next.NetworkNamed("net-2"), next.NetworkNamed("second")?.Id).ShouldBe((null, 2));
        fleet.IdentityNamed(1, "device-5")!.Id.ShouldBe(5);

        var gone = next.With(new FleetChange { RemovedIdentities = [5], RemovedApplications = [7], RemovedNetworks = [2] });
        gone.IdentityNamed(1, "renamed").ShouldBeNull();
        gone.ApplicationNamed(1, "other").ShouldBeNull();
        gone.NetworkNamed("second").ShouldBeNull();
    }

    [Fact]
    public void A_record_that_is_removed_and_comes_again_in_one_change_keeps_its_name()
    {
        var fleet = Of(Network(1, "10.0.0.0/8"), Device(5, 1, "10.0.0.5"));
        var again = fleet.With(new FleetChange { RemovedIdentities = [5], Identities = [fleet.Identity(5)!], RemovedNetworks = [1], Networks = [fleet.Network(1)!] });
        again.IdentityNamed(1, "device-5")!.Id.ShouldBe(5);
        again.NetworkNamed("net-1")!.Id.ShouldBe(1);
    }

    [Fact]
    public void The_gateway_host_which_is_called_as_its_network_takes_no_device_s_name()
    {
        var host = Device(9, 1, "10.0.0.1") with { Kind = IdentityKind.Host, Name = "plant" };
        var fleet = Of(Network(1, "10.0.0.0/8"), host, Device(10, 1, "10.0.0.10") with { Name = "plant" });
        fleet.IdentityNamed(1, "plant")!.Id.ShouldBe(10);
    }
}
