#include "lib/aws/service.h"

#include "lib/base/err.h"

#include <string.h>

/* The service models of botocore, which a test holds the table to. */
/* clang-format off */
static const struct aws_service services[] = {
    {"apigateway", "apigateway", "apigateway", AWS_REST_JSON, "", "", "API_GATEWAY", 0},
    {"apigatewayv2", "apigateway", "apigateway", AWS_REST_JSON, "", "", "APIGATEWAYV2", 0},
    {"appconfig", "appconfig", "appconfig", AWS_REST_JSON, "", "", "APPCONFIG", SERVICE_GOV_PLAIN},
    {"appconfigdata", "appconfigdata", "appconfig", AWS_REST_JSON, "", "", "APPCONFIGDATA", SERVICE_GOV_PLAIN},
    {"appmesh", "appmesh", "appmesh", AWS_REST_JSON, "", "", "APP_MESH", 0},
    {"autoscaling", "autoscaling", "autoscaling", AWS_QUERY, "2011-01-01", "", "AUTO_SCALING", SERVICE_GOV_PLAIN},
    {"cloudfront", "cloudfront", "cloudfront", AWS_REST_XML, "", "", "CLOUDFRONT", SERVICE_GLOBAL},
    {"cloudwatch", "monitoring", "monitoring", AWS_JSON_10, "", "GraniteServiceVersion20100801", "CLOUDWATCH", SERVICE_GOV_PLAIN | SERVICE_GOV_PLAIN_TOO},
    {"codedeploy", "codedeploy", "codedeploy", AWS_JSON_11, "", "CodeDeploy_20141006", "CODEDEPLOY", 0},
    {"ec2", "ec2", "ec2", AWS_EC2, "2016-11-15", "", "EC2", SERVICE_GOV_PLAIN},
    {"ecs", "ecs", "ecs", AWS_JSON_11, "", "AmazonEC2ContainerServiceV20141113", "ECS", 0},
    {"eks", "eks", "eks", AWS_REST_JSON, "", "", "EKS", SERVICE_GOV_PLAIN | SERVICE_FIPS_FIRST},
    {"elasticbeanstalk", "elasticbeanstalk", "elasticbeanstalk", AWS_QUERY, "2010-12-01", "", "ELASTIC_BEANSTALK", SERVICE_GOV_PLAIN},
    {"elbv2", "elasticloadbalancing", "elasticloadbalancing", AWS_QUERY, "2015-12-01", "", "ELASTIC_LOAD_BALANCING_V2", SERVICE_GOV_PLAIN},
    {"events", "events", "events", AWS_JSON_11, "", "AWSEvents", "EVENTBRIDGE", SERVICE_GOV_PLAIN | SERVICE_GOV_PLAIN_TOO},
    {"firehose", "firehose", "firehose", AWS_JSON_11, "", "Firehose_20150804", "FIREHOSE", 0},
    {"lambda", "lambda", "lambda", AWS_REST_JSON, "", "", "LAMBDA", 0},
    {"logs", "logs", "logs", AWS_JSON_11, "", "Logs_20140328", "CLOUDWATCH_LOGS", SERVICE_GOV_PLAIN},
    {"route53", "route53", "route53", AWS_REST_XML, "", "", "ROUTE_53", SERVICE_GLOBAL},
    {"sns", "sns", "sns", AWS_QUERY, "2010-03-31", "", "SNS", SERVICE_GOV_PLAIN},
    {"sqs", "sqs", "sqs", AWS_JSON_10, "", "AmazonSQS", "SQS", SERVICE_GOV_PLAIN},
    {"sts", "sts", "sts", AWS_QUERY, "2011-06-15", "", "STS", SERVICE_GOV_PLAIN},
    {"vpc-lattice", "vpc-lattice", "vpc-lattice", AWS_REST_JSON, "", "", "VPC_LATTICE", 0},
};
/* clang-format on */

const struct aws_service *service_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(services); i++)
        if (!strcmp(services[i].name, name))
            return &services[i];
    return NULL;
}

const struct aws_service *service_table(size_t *n)
{
    *n = ARRAY_LEN(services);
    return services;
}
