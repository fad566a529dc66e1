namespace Sallyport.DataPlane.Dns;

/// <summary>
/// Questions on their way from the packet threads to the one that asks. Bounded for all and for each identity; once half of the places are
/// taken, only who has few there gets another.
/// </summary>
internal sealed class UpstreamInbox
{
    private readonly Lock _lock = new();
    private readonly Queue<UpstreamQuestion> _questions = new();
    private readonly Dictionary<int, int> _perIdentity = [];

    /// <summary>Any thread. False where there is no room for this identity.</summary>
    public bool TryAdd(UpstreamQuestion question)
    {
        lock (_lock)
        {
            var own = _perIdentity.GetValueOrDefault(question.IdentityId);
            var share = _questions.Count < DnsServiceLimits.InboxMax / 2 ? DnsServiceLimits.InboxPerIdentityMax : DnsServiceLimits.InboxPerIdentityWhenScarce;
            if (_questions.Count >= DnsServiceLimits.InboxMax || own >= share)
            {
                return false;
            }

            _perIdentity[question.IdentityId] = own + 1;
            _questions.Enqueue(question);
            return true;
        }
    }

    public bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out UpstreamQuestion? question)
    {
        lock (_lock)
        {
            if (!_questions.TryDequeue(out question))
            {
                return false;
            }

            if (--_perIdentity[question.IdentityId] == 0)
            {
                _perIdentity.Remove(question.IdentityId);
            }

            return true;
        }
    }
}
