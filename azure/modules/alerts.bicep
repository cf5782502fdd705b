// Who is told, and of what. docs/runbook.md says what each alert means and what to do.
@description('Name that the alerts carry.')
param name string

@description('Region of the rules.')
param location string

@description('One address.')
param email string

@description('Application Insights component.')
param componentId string

@description('The web app.')
param siteId string

@description('The database server.')
param databaseId string

@description('Action groups that start a retraining: of retraining.bicep, or none.')
param retrainGroupIds array

@description('Tags.')
param tags object

// Severity: 1 error, 2 warning. A log rule counts the rows that its query gives. One that `retrains` starts retrain.yml
// too, where the templates were given a repository.
var logRules = [
  {
    name: 'wrong-verdicts'
    title: 'Three predictions judged wrong within five minutes'
    query: loadTextContent('../queries/wrong-verdicts-alert.kql')
    severity: 1
    threshold: 3
    window: 'PT5M'
    every: 'PT1M'
    retrains: false
  }
  {
    name: 'silent-model'
    title: 'The model says nothing: asked without an answer, or no sign of life'
    query: loadTextContent('../queries/silent-model-alert.kql')
    severity: 1
    threshold: 1
    window: 'PT15M'
    every: 'PT5M'
    retrains: false
  }
  {
    name: 'restarts'
    title: 'The API started three times or more within half an hour'
    query: loadTextContent('../queries/restarts-alert.kql')
    severity: 2
    threshold: 3
    window: 'PT30M'
    every: 'PT5M'
    retrains: false
  }
  {
    name: 'server-errors'
    title: 'More than two in a hundred answers of the API were 5xx'
    query: loadTextContent('../queries/server-errors-alert.kql')
    severity: 1
    threshold: 1
    window: 'PT10M'
    every: 'PT5M'
    retrains: false
  }
  {
    name: 'posts-unwatched'
    title: 'Posts wait to be judged, or nobody watches them'
    query: loadTextContent('../queries/posts-unwatched-alert.kql')
    severity: 1
    threshold: 1
    window: 'PT10M'
    every: 'PT5M'
    retrains: false
  }
  {
    name: 'drift'
    title: 'Live posts no longer look like what the model learned from'
    query: loadTextContent('../queries/drift-alert.kql')
    severity: 2
    threshold: 1
    window: 'PT1H'
    every: 'PT15M'
    retrains: true
  }
]
var metricRules = [
  {
    name: 'site-5xx'
    title: 'The web app answered 5xx, gateway and page included'
    target: siteId
    namespace: 'Microsoft.Web/sites'
    metric: 'Http5xx'
    aggregation: 'Total'
    operator: 'GreaterThan'
    threshold: 20
    severity: 1
  }
  {
    name: 'site-unhealthy'
    title: 'The health check failed'
    target: siteId
    namespace: 'Microsoft.Web/sites'
    metric: 'HealthCheckStatus'
    aggregation: 'Average'
    operator: 'LessThan'
    threshold: 100
    severity: 1
  }
  {
    name: 'database-disk'
    title: 'The disk of the database is nearly full'
    target: databaseId
    namespace: 'Microsoft.DBforPostgreSQL/flexibleServers'
    metric: 'storage_percent'
    aggregation: 'Average'
    operator: 'GreaterThan'
    threshold: 85
    severity: 2
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${name}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: take(name, 12)
    enabled: true
    emailReceivers: [
      {
        name: 'operations'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource logRule 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in logRules: {
  name: '${name}-${rule.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: '${name}: ${rule.title}'
    description: 'docs/runbook.md#${rule.name}'
    enabled: true
    severity: rule.severity
    scopes: [componentId]
    evaluationFrequency: rule.every
    windowSize: rule.window
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: 'GreaterThanOrEqual'
          threshold: rule.threshold
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: rule.retrains ? concat([people.id], retrainGroupIds) : [people.id]
    }
  }
}]

resource metricRule 'Microsoft.Insights/metricAlerts@2018-03-01' = [for rule in metricRules: {
  name: '${name}-${rule.name}'
  location: 'global'
  tags: tags
  properties: {
    description: '${rule.title}. docs/runbook.md#${rule.name}'
    enabled: true
    severity: rule.severity
    scopes: [rule.target]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: rule.name
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: rule.namespace
          metricName: rule.metric
          timeAggregation: rule.aggregation
          operator: rule.operator
          threshold: rule.threshold
        }
      ]
    }
    actions: [
      {
        actionGroupId: people.id
      }
    ]
  }
}]

output actionGroupId string = people.id
