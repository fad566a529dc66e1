using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Exporters.Json;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Sallyport.MicroBench;

const int NameWidth = 72;

// In this process: the generated projects of the default would be built by our own rules.
var job = Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance);
var config = DefaultConfig.Instance.AddJob(job).AddExporter(JsonExporter.Brief)
    .WithSummaryStyle(SummaryStyle.Default.WithMaxParameterColumnWidth(NameWidth))
    .WithArtifactsPath(Path.Combine(AppContext.BaseDirectory, "results"));
var summary = BenchmarkRunner.Run<HotPaths>(config, args);
return summary.HasCriticalValidationErrors || summary.Reports.Any(report => !report.Success) ? 1 : 0;
