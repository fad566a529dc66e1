namespace Sallyport.Control.FleetFiles;

/// <summary>A place in the file; both count from 1.</summary>
internal readonly record struct FileMark(int Line, int Column)
{
    public static readonly FileMark Start = new(1, 1);
}

/// <summary>A part of the file, which knows where it stands.</summary>
internal abstract record FileNode(FileMark At)
{
    /// <summary>"a list", for people.</summary>
    public abstract string Shape { get; }
}

/// <param name="IsPlain">Without quotes: true, null and the like mean something.</param>
internal sealed record FileText(FileMark At, string Value, bool IsPlain) : FileNode(At)
{
    public override string Shape => IsNothing ? "nothing" : "text";

    public bool IsNothing => IsPlain && Value is "" or "~" or "null";
}

internal sealed record FileList(FileMark At, IReadOnlyList<FileNode> Items) : FileNode(At)
{
    public override string Shape => "a list";
}

internal sealed record FileMap(FileMark At, IReadOnlyList<FilePair> Pairs) : FileNode(At)
{
    public override string Shape => "a group of keys";

    public FilePair? Find(string key) => Pairs.FirstOrDefault(pair => pair.Key.Value == key);
}

internal sealed record FilePair(FileText Key, FileNode Value);
