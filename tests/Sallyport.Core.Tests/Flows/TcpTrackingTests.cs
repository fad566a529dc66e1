using Sallyport.Core.Flows;
using Sallyport.Core.Packets;

namespace Sallyport.Core.Tests.Flows;

public sealed class TcpTrackingTests
{
    [Fact]
    public void A_connection_is_established_when_its_opener_has_confirmed()
    {
        var marks = TcpTracking.Next(TcpMarks.None, true, TcpFlags.Syn);
        TcpTracking.IsEstablished(marks).ShouldBeFalse();
        marks = TcpTracking.Next(marks, true, TcpFlags.Ack);
        TcpTracking.IsEstablished(marks).ShouldBeFalse("nobody has answered");
        marks = TcpTracking.Next(marks, false, TcpFlags.Syn | TcpFlags.Ack);
        TcpTracking.IsEstablished(marks).ShouldBeFalse();
        marks = TcpTracking.Next(marks, true, TcpFlags.Ack);
        TcpTracking.IsEstablished(marks).ShouldBeTrue();
        marks = TcpTracking.Next(marks, true, TcpFlags.Fin | TcpFlags.Ack);
        (TcpTracking.IsEstablished(marks), TcpTracking.IsClosed(marks)).ShouldBe((false, false));
        marks = TcpTracking.Next(marks, false, TcpFlags.Fin | TcpFlags.Ack);
        TcpTracking.IsClosed(marks).ShouldBeTrue();
    }

    [Fact]
    public void An_adopted_connection_is_established_when_both_sides_were_heard()
    {
        var marks = TcpTracking.Next(TcpMarks.Adopted, false, TcpFlags.Ack);
        TcpTracking.IsEstablished(marks).ShouldBeFalse();
        TcpTracking.IsEstablished(TcpTracking.Next(marks, true, TcpFlags.Ack)).ShouldBeTrue();
        TcpTracking.IsClosed(TcpTracking.Next(marks, true, TcpFlags.Rst)).ShouldBeTrue();
    }
}
