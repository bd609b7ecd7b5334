from finner_batch.cli.main import main

main()
