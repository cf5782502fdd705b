// The production view. Its queries are the files of azure/queries: the runbook and the tests use the same.
@description('Region.')
param location string

@description('Application Insights component that it reads.')
param componentId string

@description('Tags.')
param tags object

// The first line of a query says its period; here the person chooses it.
var fixedPeriod = 'let period = 1d;'
var chosenPeriod = 'let period = {period:seconds} * 1s;'
var tiles = [
  {
    title: 'Requests by status'
    query: loadTextContent('../queries/requests.kql')
    chart: 'timechart'
  }
  {
    title: 'Latency of predictions (ms)'
    query: loadTextContent('../queries/latency-percentiles.kql')
    chart: 'timechart'
  }
  {
    title: 'Sentiment mix'
    query: loadTextContent('../queries/sentiment-mix.kql')
    chart: 'areachart'
  }
  {
    title: 'Feedback by hour'
    query: loadTextContent('../queries/feedback-by-hour.kql')
    chart: 'barchart'
  }
  {
    title: 'Error rate by model version'
    query: loadTextContent('../queries/error-rate-by-version.kql')
    chart: 'table'
  }
  {
    title: 'Wrongly predicted tweets'
    query: loadTextContent('../queries/wrong-tweets.kql')
    chart: 'table'
  }
  {
    title: 'Distance from what the model learned from'
    query: loadTextContent('../queries/drift-measures.kql')
    chart: 'timechart'
  }
  {
    title: 'Drift alerts'
    query: loadTextContent('../queries/drift.kql')
    chart: 'table'
  }
  {
    title: 'Episodes: surges of negative posts'
    query: loadTextContent('../queries/episodes.kql')
    chart: 'table'
  }
  {
    title: 'Posts waiting to be judged'
    query: loadTextContent('../queries/mentions-waiting.kql')
    chart: 'timechart'
  }
  {
    title: 'Alert history'
    query: loadTextContent('../queries/alert-history.kql')
    chart: 'table'
  }
]
var parameters = [
  {
    type: 9
    content: {
      version: 'KqlParameterItem/1.0'
      style: 'pills'
      parameters: [
        {
          id: '1b2ef0b6-7a3c-4f5e-9a51-0d8b5a1f6c01'
          version: 'KqlParameterItem/1.0'
          name: 'period'
          label: 'Period'
          type: 4
          isRequired: true
          value: {
            durationMs: 86400000
          }
          typeSettings: {
            selectableValues: [
              {
                durationMs: 3600000
              }
              {
                durationMs: 86400000
              }
              {
                durationMs: 604800000
              }
              {
                durationMs: 2592000000
              }
            ]
          }
        }
      ]
    }
    name: 'period'
  }
]
var charts = [for tile in tiles: {
  type: 3
  content: {
    version: 'KqlItem/1.0'
    title: tile.title
    query: replace(tile.query, fixedPeriod, chosenPeriod)
    size: 0
    queryType: 0
    resourceType: 'microsoft.insights/components'
    timeContextFromParameter: 'period'
    visualization: tile.chart
  }
  name: tile.title
}]

resource workbook 'Microsoft.Insights/workbooks@2022-04-01' = {
  name: guid(componentId, 'vigie')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Vigie in production'
    category: 'workbook'
    sourceId: componentId
    version: '1.0'
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat(parameters, charts)
      fallbackResourceIds: [componentId]
    })
  }
}

output workbookId string = workbook.id
