namespace Sallyport.Daemon.Processes;

/// <summary>Files of the data directory that the programs find each other by.</summary>
internal static class DataDirectoryNames
{
    public const string ApiSocket = "api.sock";
    public const string NodeSocket = "gateway.sock";
    public const string AdminToken = "admin.token";
    public const string Lock = "sallyportd.lock";
    public const string ControlPid = "sallyportd.pid";
    public const string ControlLog = "sallyportd.log";
    public const string ControlState = "sallyportd.state";
    public const string Ending = "sallyportd.ending";
    public const string GatewayPid = "gateway.pid";
    public const string GatewayLog = "gateway.log";

    public const string LongestSocket = NodeSocket;
}
