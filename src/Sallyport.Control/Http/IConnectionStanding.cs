namespace Sallyport.Control.Http;

/// <summary>A feature of the connection, where whoever listens wants to know which of its callers somebody vouches for.</summary>
public interface IConnectionStanding
{
    /// <summary>A request with a valid token came on it.</summary>
    void Authorised();
}
