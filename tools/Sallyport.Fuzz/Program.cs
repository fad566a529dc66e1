using Sallyport.Fuzz.Commands;

return FuzzCommand.Run(args, Console.Out);
