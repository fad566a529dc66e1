using Sallyport.Core.Crypto;
using Sallyport.Core.OpenVpn.Wrapping;

namespace Sallyport.Core.Tests.OpenVpn.Wrapping;

/// <summary>
/// Keys and packets that OpenVPN 2.6.14 made.
/// Keys: <c>openvpn --genkey secret ta.key</c>, <c>openvpn --genkey tls-crypt-v2-server v2s.key</c>,
/// <c>openvpn --tls-crypt-v2 v2s.key --genkey tls-crypt-v2-client v2c.key AAECAwQFBgcICQoLDA0ODw==</c> (metadata 00 01 .. 0f), and the same
/// without metadata, which puts a timestamp there.
/// Packets: the first that <c>openvpn --client --dev null --remote .. --auth DIGEST --tls-auth ta.key DIRECTION</c> (or --tls-crypt, --tls-crypt-v2)
/// sends, and what <c>openvpn --dev tun --server 10.99.0.0 255.255.255.0</c> with the matching key answers to exactly that packet.
/// </summary>
internal static class StockVectors
{
    public const string StaticKeyPem =
        """
        #
        # 2048 bit OpenVPN static key
        #
        -----BEGIN OpenVPN Static key V1-----
        3d1d4980d209767a0f20f5c0837934ce
        6f8c0a4c4f359d256c2fb453a07f2c7d
        c476b49f9057af23acd1bf2b95042e7b
        28710704df2613642684945a9dc37a3c
        997ce8df5ceec5d143d05134e92ec4a8
        d62ffb505a791c84729363cafee5d5fd
        cb2dac3b2e757236d1fd1ed820539dbe
        419e8e5257860b1cb6b3ce74a316c8dc
        d9dc15ff3ef7efeaf275a2d7d5d9b693
        367de34499b9a151cffb76b8e4e284bb
        4657f600c1675228a4456d43900a5515
        fc7effc0204edd657209c4e7079a9a3a
        773f185730f01acb3f4c6a572d33ba6b
        a3e7cb2cc3eadb71af1a6c7af3385e72
        c28f85cdbeeebe9d0284e15c4f01a94e
        2376d7cea236e2a76a1b98071d5585e2
        -----END OpenVPN Static key V1-----
        """;

    public const string ServerKeyPem =
        """
        -----BEGIN OpenVPN tls-crypt-v2 server key-----
        a2UO3GaQ9KehVZAIVEzrAxtjiEL/kNE3zoRq4RhE53/iGyUJRQ7fr0RfHVANYCtk
        HaXJhy3utEDhLdcn/cmLyxtbuIzqLY/xZiqEsPg3hcpgS/ZTW9zW+4sysxFjblgP
        Xl0LHJyAPdji0QtnGIlkxpX4DGBbMrZ0EUY97AXLyJU=
        -----END OpenVPN tls-crypt-v2 server key-----
        """;

    public const string ClientKeyPem =
        """
        -----BEGIN OpenVPN tls-crypt-v2 client key-----
        Wmub6noOC74lgjo6jLh3jsTID2M63d7fxLDNPX7jLruYVDznUVGctftyGbL1SjQX
        1OWH/z6HQeFVEgTQQwiGGAe3T9u9Qdy/262oyMxrjJl4IqSBtWKk5qHSrQCJtfya
        ZiHLFwT7awEa87TVeMrxkojsZ3hLBectwel8I+y8tLc1WxB4eR2JcTsBY9p4o47w
        Tsex76iEPBgegbkFSrtm1R6VoNhPL9nRLibCaR6Vxo2UsTMn7oV5gM/yAuvNRypC
        wm/KIUKa04gFhUB3FWtGqvUYr5XuN/hlAy21CprJTBU/SJ+9xiKWfBlGCRRu4p4M
        9HUpPuZ5F4bX9JAwo0GBE8UIwrLUOReV6iCJzhD6Rt89vun5VXY5sgbmiwAFyGug
        NKXV8eR+V7qBGkPojVUnn+KMd4XWzvDcjCq3mPBbpcUv0p+Skbq6I1hm7XQwDKGm
        mIr8yqHyV8A25h2mX5DIIxGPF9IFXbqxR+pFMKpWoeAcgxQwSeAl/lrMibOMP5Si
        S6JFoVRr1xSfKCUJMqlyUhFpP5vrzaP3N9/5K1MjrwOJJZ8EVdqCYbmYv/k/Db1/
        Elz5iTJxO8CMIeHebx7ef7i068HmKO1VDNscr4p9wOjWNg8f/YvUcuWQG361Qt/m
        U7X+gQSezZ4CqkeF9Xevf64t+INSqVvXMYnAxnFNg1M7uz2jpXNlUYAedCuiWCdw
        r3TIuzL80NNTS3tAqy+U0VkAF227tY0kFiqVz7IheoNTATM=
        -----END OpenVPN tls-crypt-v2 client key-----
        """;

    public const string ClientKeyWithTimestampPem =
        """
        -----BEGIN OpenVPN tls-crypt-v2 client key-----
        k9IEz90ehS/NY2+bdy3jp5OQsXXwPnYh9UB4MHLPrChlxOSbhDRENct8UOArjQBy
        jC2jjhPAViLPAohyY0/Dak/Ux1obF9GxcaVSoAgBucGq2NONdazySDsnfGVXwX8J
        sTV8VUD/BqwQF7JVwy8a9IUsTA9a5Uvmn5oR8QDBR1kYgwbFhEF2AF2L/xDgUtS5
        2fwriO77xjiD3Qr1nFwaaiWqWuGALP8sru9woau6snhwHm7kYP3n8+JPxVYqfLkv
        4nRNXbfo35xXz5LqOo4hfn9rVEfLcDAFltG1u+1hSc8vLluhcm+rptgj1F4U2NQ7
        Zzshic/4HyzPD/DNomOJqdfRv5bBhLFYzhnnK4D/9AkvwJjp6iY0nyzDeGzZ3hXM
        7eFRIGNphbdHbRj1oJ9UPV9WQcoroEqSd5gCBzV+17OlgdMrKQsNm+GXnxeTqO9t
        2wbLoS0l+vm6j5HzE/U+vpM6c4vnd4MORcLhyJOU8JkYbxBT2wmMjykvc9fjWAUp
        s4u1ZkKRyRjedbZjUPNF9HfkHEc3IgPY7R/3zfPkN58G77byJ8l/4Ye8YOpXoP7K
        5guADVly9IdO/LfOQ8A49Tuy/cDZ+QCfYKN4Bw8JMiooIxR4qZCH7U3jcAavHD85
        DlLFczXwtKNL0j/pofKoTuJ0oydMXcOaiFU/joXYwWB5NFc1ya+4Bnr9VWnZTSCZ
        dzt1XdIyNqUDOCew+meF8YC1lrAppBo3gQEr
        -----END OpenVPN tls-crypt-v2 client key-----
        """;

    public static readonly (HashKind Digest, KeyDirection Client, string Reset, string Reply)[] TlsAuth =
    [
        (HashKind.Sha1, KeyDirection.Bidirectional,
            "3855851e77d84e02ad1437137add61342f388ebe16dcaf77432cd32509000000016b00a8e70000000000",
            "40c58e0cc82d311208da72656bf4296eed516be5a69f47af033174cafd000000016b00a8e7010000000055851e77d84e02ad00000000"),
        (HashKind.Sha1, KeyDirection.Normal,
            "3851cf0edc2746119d5367aa2c4b943be2e9b65e7652afa4bfd6637e4f000000016b00a8e70000000000",
            "405fb2e7a71554969b701e472e6ffe5dd2b4679d4c58ddc786c929c41c000000016b00a8e8010000000051cf0edc2746119d00000000"),
        (HashKind.Sha1, KeyDirection.Inverse,
            "3835f5cbcf1d59eb0a6ee0c72e0ac881b4f133571acaf81ba33038a502000000016b00a8e80000000000",
            "406150904937dddf366e2ce852e2a81d5af82ca5079995f3878dc02cdb000000016b00a8e9010000000035f5cbcf1d59eb0a00000000"),
        (HashKind.Sha256, KeyDirection.Bidirectional,
            "384e11cccaab0480df17abe1dc420ebf359540adb7d76dfab32119ad52f94dd43fc61100529431e601000000016b00a8e90000000000",
            "406fee60a9dc17718bc417be1256556efeffafdc0951fb5c705144a9a2c4dc28dd4dfd0050ddecb6e1000000016b00a8e901000000004e11cccaab0480df00000000"),
        (HashKind.Sha256, KeyDirection.Normal,
            "387801dfbce4bfa0d35d0e725ec7241b766b9046e07854b29de317bee83c0169346e24ea1461905069000000016b00a8e90000000000",
            "407abc0b53b311821fed342fe2706edf96b905994266e11d20b9bd66158bee00668d31325cfc754b19000000016b00a8ea01000000007801dfbce4bfa0d300000000"),
        (HashKind.Sha256, KeyDirection.Inverse,
            "38bc5100eb50e62e2d37f7d8c3aecce829485c691e10365d9cd7773511d6157881ba5a76825a14ebac000000016b00a8ea0000000000",
            "40972173e41581d8991679b25d62a7b905c1f66a7b3aa5f64b52198e3d4c935cd387518d99c62b804e000000016b00a8eb0100000000bc5100eb50e62e2d00000000"),
        (HashKind.Sha512, KeyDirection.Bidirectional,
            "38515fd9c2a7555206c49f8ade2899db672c72eac64460b4f3a8b49a7b796470dfec7aca83b80386792d753506946798ba88bb3306b3613c96814ec193c801936ddac383acb0e0ca2d000000016b00a8eb0000000000",
            "405839d7f0cf3550be3b1cf602a8b0a22e0fb35d9f309ca10f46c79067ba92029c326b80b99119a3554bd397f966df192ccd3369ea8b1cd32c2ffd3e83b71dde0eadb63f8f969d8351000000016b00a8ec0100000000515fd9c2a755520600000000"),
        (HashKind.Sha512, KeyDirection.Normal,
            "387059eb6ff46ab2f58b83f1864e8ea4a13610d3149dcca28d949d55dc72204bc1e4956689e1b432d45981d5acfcaada7ba50fcf19b423b06b5a975bd8bd46c138c662ad32c89c3a67000000016b00a8ec0000000000",
            "401620af62f757fe6cdea3fa8f09331a21f713cd4fe820a2d7c218c664ac361452b81ef011c6c8c882c5453ea646d0c8a7a2bf48f9cdd93fdbff7703ff56dd7210a4bd61248eba207c000000016b00a8ec01000000007059eb6ff46ab2f500000000"),
        (HashKind.Sha512, KeyDirection.Inverse,
            "38a775a9a43d0100188a984fc562bd8609883e7962488fd42037dda61320c8980edd8f3c6881ce7d446549854559749f744fbf7b6eabb70b1bc2c2310ae95d5e5a0fe1d1272c3cb115000000016b00a8ec0000000000",
            "402256d84d6f101d3a3f1bbad7e84a5a01f29cddcfd03a239f3e800d4eb0e68caafba9af7c5debaed0713677a29c2d02983153f88aa7c9009ede1ab70c40b0fb5b6274507f8981ea26000000016b00a8ed0100000000a775a9a43d01001800000000"),
    ];

    public const string TlsCryptReset =
        "38c79e44425c51e56a000000016b00a8ed5c868fa7d5f34725c501297b6dab8170003171d10294b021762114da9e7576d599d1f5651f";

    public const string TlsCryptReply =
        "403188c1950de1aaa6000000016b00a8eee70d938126ec324cc874c656281bbde09e072df6b3d5982614133b9b3ba8797339c764b064cac7e98a8ff7"
        + "89e0c3d8651a";

    public const string TlsCryptV2Reset =
        "50313aeee00a8dee150f0000016b00a8ee423c08adc2165dacd687efc1e5e2b01a7ba0f95c7fe318dd18ba7b5af6b020723e9783e781c508c2b2d439"
        + "1795ea2089ce10fa46df3dbee9f9557639b206e68b0005c86ba034a5d5f1e47e57ba811a43e88d55279fe28c7785d6cef0dc8c2ab798f05ba5c52fd2"
        + "9f9291baba235866ed74300ca1a6988afccaa1f257c036e61da65f90c823118f17d2055dbab147ea4530aa56a1e01c83143049e025fe5acc89b38c3f"
        + "94a24ba245a1546bd7149f28250932a9725211693f9bebcda3f737dff92b5323af0389259f0455da8261b998bff93f0dbd7f125cf98932713bc08c21"
        + "e1de6f1ede7fb8b4ebc1e628ed550cdb1caf8a7dc0e8d6360f1ffd8bd472e5901b7eb542dfe653b5fe81049ecd9e02aa4785f577af7fae2df88352a9"
        + "5bd73189c0c6714d83533bbb3da3a5736551801e742ba2582770af74c8bb32fcd0d3534b7b40ab2f94d15900176dbbb58d24162a95cfb2217a835301"
        + "33";

    public const string TlsCryptV2Reply =
        "40c22f8396f0b116a7000000016b00a8efd4f68f4c723d8d9b96434412f88ef9a5d8b420a4df2b9cea778dc475f40006242e7f641b1cd66c2fed8443"
        + "aea88c5b8f777127bda21fcd";
}
