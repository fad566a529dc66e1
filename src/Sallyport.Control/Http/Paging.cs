using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Sallyport.Api.Paging;

namespace Sallyport.Control.Http;

/// <summary>Which part of a list is wanted. A cursor is the id of the last item that was shown; opaque to clients.</summary>
internal sealed record Paging(int Limit, long? Cursor)
{
    public const int LimitDefault = 100;
    public const int LimitMax = 1_000; // an answer of about a megabyte

    /// <summary>For lists that go up.</summary>
    public long AfterId => Cursor ?? 0;

    /// <summary>For lists that go down, newest first.</summary>
    public long BeforeId => Cursor ?? long.MaxValue;

    public static Paging Of(int? limit, string? cursor)
    {
        var problems = new ProblemList();
        if (limit is < 1 or > LimitMax)
        {
            problems.Add("limit", $"{limit} is out of range", $"use 1 to {LimitMax}");
        }

        long? id = null;
        if (cursor is not null)
        {
            id = Decode(cursor);
            if (id is null)
            {
                problems.Add("cursor", "the cursor is not one of ours", "use the 'next' of the page before, unchanged");
            }
        }

        problems.ThrowIfAny();
        return new Paging(limit ?? LimitDefault, id);
    }

    /// <summary>From one row more than the limit: the page, and a cursor where there is more.</summary>
    public Page<TInfo> PageOf<TRow, TInfo>(IEnumerable<TRow> rows, Func<TRow, long> idOf, Func<TRow, TInfo> infoOf)
    {
        var list = rows.ToList();
        var more = list.Count > Limit;
        var shown = more ? list[..Limit] : list;
        return new Page<TInfo>([.. shown.Select(infoOf)], more ? Encode(idOf(shown[^1])) : null);
    }

    public static string Encode(long id) => Base64Url.EncodeToString(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"c{id}")));

    private static long? Decode(string cursor)
    {
        Span<byte> bytes = stackalloc byte[32];
        if (cursor.Length > 32 || !Base64Url.IsValid(cursor) || !Base64Url.TryDecodeFromChars(cursor, bytes, out var length) || length < 2 || bytes[0] != 'c')
        {
            return null;
        }

        return long.TryParse(bytes[1..length], NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : null;
    }
}
