using Sallyport.Core.Primitives;

namespace Sallyport.Core.Policy;

/// <summary>Who is meant by an address, and what the address is in that one's own network. The default one is nobody.</summary>
public readonly record struct Place(Identity? Carrier, IpAddress Address);
