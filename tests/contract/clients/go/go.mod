module carillon/client

go 1.24
