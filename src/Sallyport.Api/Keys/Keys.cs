namespace Sallyport.Api.Keys;

/// <summary>A key of the installation was replaced.</summary>
/// <param name="Name">"master".</param>
/// <param name="Resealed">How many secrets are sealed anew.</param>
public sealed record KeyRotated(string Name, DateTimeOffset At, int Resealed);
