using System.Text;
using Sallyport.Api.Credentials;

namespace Sallyport.Control.Ipsec;

/// <summary>The files of an IPsec profile, each named by where it belongs.</summary>
internal static class IpsecFiles
{
    public static IReadOnlyList<ProfilePart> Of(IpsecContent content)
    {
        var files = new List<ProfilePart> { new("sheet.txt", SheetText.Write(content)) };
        foreach (var end in content.Ends)
        {
            files.Add(new ProfilePart($"swanctl/conf.d/{end.Name}.conf", SwanctlText.Write(content, end)));
            if (end.Certificate is not null)
            {
                files.Add(new ProfilePart($"swanctl/x509/{SwanctlText.CertificateOf(content, end)}", end.Certificate));
                files.Add(new ProfilePart($"swanctl/private/{SwanctlText.CertificateOf(content, end)}", end.PrivateKey!));
                files.Add(new ProfilePart($"{end.Name}.p12", end.Archive!) { IsBase64 = true });
            }
        }

        if (content.GatewayHasCertificate)
        {
            files.Add(new ProfilePart($"swanctl/x509ca/{SwanctlText.AuthorityOf("root", content.Root)}", content.Root));
            files.Add(new ProfilePart($"swanctl/x509ca/{SwanctlText.AuthorityOf("issuing", content.Issuing)}", content.Issuing));
            files.Add(new ProfilePart("ca.pem", content.Root + content.Issuing));
        }

        if (LibreswanText.Knows(content))
        {
            files.Add(new ProfilePart($"libreswan/{content.Name}.conf", LibreswanText.Configuration(content)));
            if (LibreswanText.Secrets(content) is { Length: > 0 } secrets)
            {
                files.Add(new ProfilePart($"libreswan/{content.Name}.secrets", secrets));
            }
        }

        return files;
    }

    /// <summary>All that are text, for who has one stream for them.</summary>
    public static string Together(IReadOnlyList<ProfilePart> files)
    {
        var text = new StringBuilder();
        foreach (var file in files.Where(file => !file.IsBase64))
        {
            text.Append("# ===== ").Append(file.Name).Append(" =====\n").Append(file.Text).Append(file.Text.EndsWith('\n') ? "" : "\n");
        }

        return text.ToString();
    }
}
