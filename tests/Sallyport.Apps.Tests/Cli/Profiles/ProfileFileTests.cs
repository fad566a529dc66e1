using Sallyport.Api.Credentials;
using Sallyport.Cli;
using Sallyport.Cli.Profiles;

namespace Sallyport.Apps.Tests.Cli.Profiles;

public sealed class ProfileFileTests : IDisposable
{
    private static readonly ProfileIssued Issued = new() { Protocol = "openvpn", FileName = "pump-17.ovpn", Text = "client\n", Files = [], Keys = [], CredentialIds = [1] };

    private readonly string directory = Directory.CreateTempSubdirectory("sallyport profile ").FullName;

    private string Target => Path.Combine(directory, "pump-17.ovpn");

    [Fact]
    public void A_profile_is_private_to_its_owner()
    {
        using (var file = ProfileFile.Reserve(Target, force: false))
        {
            file.Commit(Issued, _ => throw new InvalidOperationException());
        }

        File.ReadAllText(Target).ShouldBe("client\n");
        File.GetUnixFileMode(Target).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Directory.GetFiles(directory).ShouldHaveSingleItem();
    }

    [Fact]
    public void What_exists_is_refused_before_anything_is_created_and_stays_as_it_is()
    {
        File.WriteAllText(Target, "old");

        Should.Throw<CliException>(() => ProfileFile.Reserve(Target, force: false)).Fix!.ShouldContain("--force");

        File.ReadAllText(Target).ShouldBe("old");
        Directory.GetFiles(directory).ShouldHaveSingleItem();
    }

    [Fact]
    public void A_file_that_cannot_be_written_is_named_without_our_draft_of_it()
    {
        var path = Path.Combine(directory, "nowhere", "pump-17.ovpn");
        Should.Throw<CliException>(() => ProfileFile.Reserve(path, force: false)).Message
            .ShouldBe($"{path} cannot be written: there is no such file or directory; nothing was created");
    }

    [Fact]
    public void Force_replaces_what_exists_and_its_mode()
    {
        File.WriteAllText(Target, "old");
        File.SetUnixFileMode(Target, (UnixFileMode)0b110_100_100);

        using (var file = ProfileFile.Reserve(Target, force: true))
        {
            file.Commit(Issued, _ => { });
        }

        File.ReadAllText(Target).ShouldBe("client\n");
        File.GetUnixFileMode(Target).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Fact]
    public void A_refusal_of_the_server_leaves_no_file_behind()
    {
        using (ProfileFile.Reserve(Target, force: false))
        {
        }

        Directory.GetFileSystemEntries(directory).ShouldBeEmpty();
    }

    [Fact]
    public void A_file_that_appeared_meanwhile_is_not_overwritten_and_the_key_is_not_lost()
    {
        using var file = ProfileFile.Reserve(Target, force: false);
        File.WriteAllText(Target, "somebody else's");

        var error = Should.Throw<CliException>(() => file.Commit(Issued, _ => { }));

        File.ReadAllText(Target).ShouldBe("somebody else's");
        var kept = Directory.GetFiles(directory, "*.part").ShouldHaveSingleItem();
        error.Fix!.ShouldContain(kept);
        File.ReadAllText(kept).ShouldBe("client\n");
    }

    [Fact]
    public void A_place_that_cannot_be_written_is_known_before_anything_is_created()
    {
        Should.Throw<CliException>(() => ProfileFile.Reserve(Path.Combine(directory, "no", "such", "place.ovpn"), force: false)).Message.ShouldContain("nothing was created");
        Should.Throw<CliException>(() => ProfileFile.Reserve(directory, force: true)).ExitCode.ShouldBe(ExitCodes.Usage);
    }

    [Fact]
    public void A_dash_is_standard_output()
    {
        var written = "";
        using var file = ProfileFile.Reserve("-", force: false);
        file.Commit(Issued, text => written = text);
        written.ShouldBe("client\n");
    }

    public void Dispose() => Directory.Delete(directory, recursive: true);
}
