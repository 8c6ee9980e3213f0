#!/bin/sh
# Stock from five columns: stock.sh, which see, with more features and a wider network. One step ahead:
# the days after tomorrow would need forecasts of all five columns.
exec sh "$(dirname "$0")/stock.sh" features=Open,High,Low,Close,Volume \
    arch=stock-multivariate.arch out=build/stock-multivariate "$@"
