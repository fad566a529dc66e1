namespace Sallyport.Api.Paging;

/// <summary>A part of a list. <paramref name="Next"/> is the cursor of the part after it; null at the end.</summary>
public sealed record Page<T>(IReadOnlyList<T> Items, string? Next);
